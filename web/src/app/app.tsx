import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { useSession } from "../api/session";
import { RepairNotices } from "../documents/repair-notices";
import { DocumentSessionProvider } from "../documents/session";
import { UploadsProvider } from "../files/uploads-context";
import { patient } from "../lib/patient";
import { ProjectsPage } from "../projects/projects-page";
import { SignInPage } from "../projects/sign-in-page";
import { Fetching } from "../ui/fetching";
import { Notice } from "../ui/notice";
import { ErrorBoundary } from "./error-boundary";
import { followLink, navigate, type Route, useRoute } from "./router";

const OrganizationPage = lazy(patient(() => import("../organization/organization-page")));
const ProfilePage = lazy(patient(() => import("../profile/profile-page")));
const ProjectPage = lazy(patient(() => import("../canvas/project-page")));

/** The whole studio: who is signed in decides between the sign-in page and the rest. */
export function App() {
  const route = useRoute();
  const session = useSession();
  const queries = useQueryClient();
  const userId = session?.user.id;

  // What was fetched for one user is never shown to the next.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the user changes
  useEffect(() => () => queries.clear(), [userId]);

  if (!session) return <SignInPage returnTo={route.name === "signin" ? "/" : hereAfterSignIn()} />;
  return (
    <ErrorBoundary>
      <DocumentSessionProvider of={session}>
        <RepairNotices />
        <UploadsProvider>
          <Screen route={route} />
        </UploadsProvider>
      </DocumentSessionProvider>
    </ErrorBoundary>
  );
}

function Screen({ route }: { route: Route }) {
  useEffect(() => {
    if (route.name === "signin") navigate("/", "replace");
  }, [route.name]);
  switch (route.name) {
    case "project":
      return (
        <Suspense fallback={<Fetching what="canvas" />}>
          <ProjectPage key={route.projectId} {...route} />
        </Suspense>
      );
    case "organization":
      return (
        <Suspense fallback={<Fetching what="page" />}>
          <OrganizationPage key={route.orgId} {...route} />
        </Suspense>
      );
    case "profile":
      return (
        <Suspense fallback={<Fetching what="page" />}>
          <ProfilePage />
        </Suspense>
      );
    case "unknown":
      return (
        <main className="grid h-full place-items-center">
          <Notice
            icon="search"
            title="There is nothing at this address"
            action={
              <a href="/" onClick={followLink} className="text-sm font-medium text-accent underline">
                Go to your projects
              </a>
            }
          >
            The link may be incomplete.
          </Notice>
        </main>
      );
    default:
      return <ProjectsPage />;
  }
}

function hereAfterSignIn(): string {
  return window.location.pathname + window.location.search;
}
