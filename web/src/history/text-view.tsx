import { Fragment, useState } from "react";
import type { TextBlock, TextHistory, TextSpan } from "../api/history";
import { plural } from "../lib/text";
import { Button } from "../ui/button";
import type { AuthorLook } from "./authors";
import { foldUnchanged, shapeOf } from "./blocks";

interface TextViewProps {
  text: TextHistory;
  /** The name of the text; null: it is the only one. */
  heading: string | null;
  lookOf: (principal: string) => AuthorLook;
  /** Whether what changed is shown, or who wrote what. */
  mode: "changes" | "authors";
}

/** A text with who wrote, and deleted, what. */
export function TextView({ text, heading, lookOf, mode }: TextViewProps) {
  const show = (blocks: readonly TextBlock[], from: number) =>
    blocks.map((block, at) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: a text that was does not change
      <Block key={from + at} block={block} lookOf={lookOf} mode={mode} />
    ));
  return (
    <section aria-label={heading ?? "Text"} className="grid gap-1">
      {heading && <h3 className="text-[13px] font-semibold text-muted">{heading}</h3>}
      <div className="past-text grid gap-1.5 text-[15px] leading-6">
        {mode === "authors"
          ? show(text.blocks, 0)
          : foldUnchanged(text.blocks).map((piece) =>
              "blocks" in piece ? (
                <Fragment key={piece.from}>{show(piece.blocks, piece.from)}</Fragment>
              ) : (
                <Folded key={piece.from} count={piece.folded.length}>
                  {show(piece.folded, piece.from)}
                </Folded>
              ),
            )}
      </div>
    </section>
  );
}

function Folded({ count, children }: { count: number; children: React.ReactNode }) {
  const [isOpen, setIsOpen] = useState(false);
  if (isOpen) return children;
  return (
    <Button look="quiet" className="justify-self-start px-1! text-xs!" onClick={() => setIsOpen(true)}>
      … {plural(count, "paragraph")} unchanged
    </Button>
  );
}

const HEADINGS = ["text-[22px] leading-7", "text-lg leading-6", "text-base", "text-[15px]"];
const MARKS = { bullet: "•", number: "#", done: "☑", open: "☐" } as const;

function Block({
  block,
  lookOf,
  mode,
}: {
  block: TextBlock;
  lookOf: (principal: string) => AuthorLook;
  mode: TextViewProps["mode"];
}) {
  const shape = shapeOf(block);
  const words = block.spans.map((span, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a text that was does not change
    <Span key={at} span={span} lookOf={lookOf} mode={mode} />
  ));
  const look = [
    shape.heading ? `font-semibold ${HEADINGS[shape.heading - 1] ?? ""}` : "",
    shape.isQuote ? "border-l-2 border-line-strong pl-3 text-muted" : "",
    shape.isCode ? "rounded-lg bg-sunken px-3 py-2 font-mono text-[13px] whitespace-pre-wrap" : "break-words",
    shape.isCell ? "rounded border border-line px-2 py-0.5" : "",
  ].join(" ");
  if (shape.isRule) return <hr className="border-line" />;
  return (
    <div className={look} style={{ marginLeft: shape.depth * 20 }}>
      {shape.mark && (
        <span aria-hidden className="-ml-4 inline-block w-4 text-muted">
          {MARKS[shape.mark]}
        </span>
      )}
      {words}
      {block.spans.length === 0 && <br />}
    </div>
  );
}

function Span({
  span,
  lookOf,
  mode,
}: {
  span: TextSpan;
  lookOf: (principal: string) => AuthorLook;
  mode: TextViewProps["mode"];
}) {
  const text = span.text.replaceAll("\uFFFC", "◌");
  const by = span.change === "deleted" ? span.deleted : span.inserted;
  const look = by && lookOf(by.principal);
  const when = by && new Date(by.until).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  if (mode === "authors") {
    if (!look) return text;
    return (
      <span
        title={`${look.name}, ${when}`}
        className="rounded-[3px] box-decoration-clone"
        style={{ background: look.soft, boxShadow: `inset 0 -2px 0 ${look.solid}` }}
      >
        {text}
      </span>
    );
  }
  if (span.change === "kept") return text;
  const Element = span.change === "inserted" ? "ins" : "del";
  return (
    <Element
      title={`${span.change === "inserted" ? "Written" : "Deleted"} by ${look?.name ?? "somebody"}${when ? `, ${when}` : ""}`}
      className={`rounded-[3px] box-decoration-clone ${span.change === "inserted" ? "no-underline" : "line-through"}`}
      style={{
        background: look?.soft,
        textDecorationColor: look?.solid,
        textDecorationThickness: 2,
        ...(span.change === "inserted" && { boxShadow: `inset 0 -2px 0 ${look?.solid}` }),
      }}
    >
      {text}
    </Element>
  );
}
