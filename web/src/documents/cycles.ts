/** An edge of the graph, by the nodes that it joins. */
export interface Link {
  id: string;
  source: string;
  target: string;
}

/** Whether an edge from `source` to `target` would close a cycle: then `target` already leads to `source`. */
export function closesCycle(links: Iterable<Link>, source: string, target: string): boolean {
  return reached(links, target, "forward").has(source);
}

/** The edges out of a node that close a cycle: what they lead to leads back to it. */
export function edgesClosingCycle(links: readonly Link[], node: string): string[] {
  const before = reached(links, node, "backward");
  return links.filter(({ source, target }) => source === node && before.has(target)).map(({ id }) => id);
}

/** A node, and all that follow it or come before it. */
function reached(links: Iterable<Link>, from: string, direction: "forward" | "backward"): Set<string> {
  const next = adjacency(links, direction);
  const seen = new Set<string>([from]);
  const waiting = [from];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const link of next.get(node) ?? []) {
      const end = direction === "forward" ? link.target : link.source;
      if (seen.has(end)) continue;
      seen.add(end);
      waiting.push(end);
    }
  }
  return seen;
}

/**
 * The edges that lie on a cycle: those with both ends in one strongly connected component. A local edit cannot
 * close one, but two people can at the same moment. Linear in nodes and edges, and without recursion (Tarjan).
 */
export function edgesOnCycles(links: readonly Link[]): Set<string> {
  const component = components(links);
  const found = new Set<string>();
  for (const link of links) {
    if (link.source === link.target || component.get(link.source) === component.get(link.target)) {
      found.add(link.id);
    }
  }
  return found;
}

/** The edges by the node at which one arrives at them. */
function adjacency(links: Iterable<Link>, direction: "forward" | "backward"): Map<string, Link[]> {
  const next = new Map<string, Link[]>();
  for (const link of links) {
    const start = direction === "forward" ? link.source : link.target;
    const known = next.get(start);
    if (known) known.push(link);
    else next.set(start, [link]);
  }
  return next;
}

interface Visit {
  node: string;
  index: number;
  low: number;
  links: Link[];
  at: number;
}

function components(links: readonly Link[]): Map<string, number> {
  const next = adjacency(links, "forward");
  const visits = new Map<string, Visit>();
  const component = new Map<string, number>();
  const open: Visit[] = [];
  const path: Visit[] = [];
  let count = 0;

  const enter = (node: string) => {
    const visit: Visit = { node, index: visits.size, low: visits.size, links: next.get(node) ?? [], at: 0 };
    visits.set(node, visit);
    open.push(visit);
    path.push(visit);
  };
  const leave = (visit: Visit) => {
    path.pop();
    const parent = path.at(-1);
    if (parent) parent.low = Math.min(parent.low, visit.low);
    if (visit.low !== visit.index) return;
    for (let member = open.pop(); member; member = open.pop()) {
      component.set(member.node, count);
      if (member === visit) break;
    }
    count += 1;
  };

  for (const root of next.keys()) {
    if (visits.has(root)) continue;
    enter(root);
    for (let visit = path.at(-1); visit; visit = path.at(-1)) {
      const link = visit.links[visit.at];
      visit.at += 1;
      if (!link) leave(visit);
      else {
        const known = visits.get(link.target);
        if (!known) enter(link.target);
        else if (!component.has(link.target)) visit.low = Math.min(visit.low, known.index);
      }
    }
  }
  return component;
}
