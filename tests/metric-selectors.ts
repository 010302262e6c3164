/** Labels that Prometheus adds to what it reads. */
const ADDED = ["instance", "job"];
const NAME = "glassbox_[a-z_]+";
const MATCHER = String.raw`([a-z_]+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`;
const SELECTOR = new RegExp(String.raw`\b(${NAME})\{((?:\s*${MATCHER}\s*,?)*)\s*\}`, "g");
const GROUPING = new RegExp(String.raw`\bby \(([a-z_, ]+)\)[^;]*?\b(${NAME})`, "g");

/** The values of each label of each metric. */
export type Labels = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/** Reads the labels of what a server exposes. */
export function labelsOf(exposed: string): Labels {
  const labels = new Map<string, Map<string, Set<string>>>();
  for (const [, name = "", matchers = ""] of exposed.matchAll(SELECTOR)) {
    const ofMetric = labels.get(name) ?? new Map<string, Set<string>>();
    labels.set(name, ofMetric);
    for (const [, label = "", , value = ""] of matchers.matchAll(new RegExp(MATCHER, "g"))) {
      ofMetric.set(label, (ofMetric.get(label) ?? new Set()).add(value));
    }
  }
  return labels;
}

/**
 * What expressions of Prometheus select or group by that no sample has: labels, and values of labels. Of labels in
 * `more`, there may be these values besides those that are exposed.
 */
export function strangers(
  expressions: string,
  labels: Labels,
  more: Readonly<Record<string, readonly string[]>> = {},
): string[] {
  const found: string[] = [];
  for (const [, name = "", matchers = ""] of expressions.matchAll(SELECTOR)) {
    for (const [matcher, label = "", operator = "", value = ""] of matchers.matchAll(
      new RegExp(MATCHER, "g"),
    )) {
      const values = labels.get(name)?.get(label);
      const known = values && [...values, ...(more[label] ?? [])];
      if (!ADDED.includes(label) && !known?.length) found.push(`${name} has no label ${label}`);
      else if (!ADDED.includes(label) && !isKnown(operator, value, known ?? []))
        found.push(`${name}{${matcher}}`);
    }
  }
  for (const [, grouped = "", name = ""] of expressions.matchAll(GROUPING)) {
    const missing = grouped
      .split(/,\s*/)
      .filter((label) => !ADDED.includes(label) && !labels.get(name)?.has(label));
    found.push(...missing.map((label) => `${name} has no label ${label}`));
  }
  return found;
}

/** Whether each value that a matcher names is one that there is. */
function isKnown(operator: string, value: string, known: readonly string[]): boolean {
  if (!operator.endsWith("~")) return known.includes(value);
  const alternatives = value.includes("(") ? [value] : value.split("|");
  return alternatives.every((one) => known.some((it) => new RegExp(`^(?:${one})$`).test(it)));
}
