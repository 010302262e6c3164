import { Component, type ReactNode } from "react";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";

/** Catches what a component throws, says what is safe, and offers a way on. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div role="alert" className="grid h-full place-items-center">
        <Notice
          icon="warning"
          title="This view has stopped"
          action={<Button onClick={() => window.location.reload()}>Reload</Button>}
        >
          An error in the studio interrupted it. Your edits up to now are kept on this device and are sent to
          the server when you reload.
        </Notice>
      </div>
    );
  }
}
