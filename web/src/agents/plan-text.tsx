/** A short text in Markdown, such as a plan: its lines with their marks, and nothing that could be more than text. */
export function PlanText({ text }: { text: string }) {
  return (
    <div className="grid gap-1 text-[13px] leading-5 break-words">
      {linesOf(text).map(({ key, kind, mark, words, depth }) => (
        <p
          key={key}
          className={kind === "heading" ? "mt-1 font-semibold" : "flex gap-2"}
          style={{ marginLeft: depth * 16 }}
        >
          {mark && (
            <span aria-hidden className="shrink-0 text-muted">
              {mark}
            </span>
          )}
          <span className="min-w-0">{words}</span>
        </p>
      ))}
    </div>
  );
}

interface Line {
  key: string;
  kind: "heading" | "item" | "text";
  mark: string | null;
  words: string;
  depth: number;
}

/** The lines of a Markdown text, without its marks. */
export function linesOf(text: string): Line[] {
  return text.split("\n").flatMap((line, index): Line[] => {
    if (!line.trim()) return [];
    const key = `${index}`;
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    if (heading) return [{ key, kind: "heading", mark: null, words: bare(heading[1] ?? ""), depth: 0 }];
    const [, indent = "", mark, words = ""] =
      /^(\s*)([-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(.*)$/.exec(line) ?? [];
    if (!mark) return [{ key, kind: "text", mark: null, words: bare(line.trim()), depth: 0 }];
    const depth = Math.floor(indent.length / 2);
    return [{ key, kind: "item", mark: /\d/.test(mark) ? mark : "•", words: bare(words), depth }];
  });
}

function bare(text: string): string {
  return text.replaceAll(/(\*\*|__|`)(.+?)\1/g, "$2");
}
