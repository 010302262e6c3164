import type { Point } from "../documents/canvas";
import { edgesOnCycles, type Link } from "../documents/cycles";

/** The size of a node in the graph, and what is between two, in pixels. */
export const GRAPH_CARD = { width: 208, height: 56 } as const;
const GAP = { between: 24, layers: 96, parts: 64 } as const;
/** The room that an edge takes where it passes a layer. */
const PASSAGE_HEIGHT = 8;
/** How many passages are kept free, at most; beyond, edges may lead behind nodes. */
const PASSAGES_AT_MOST = 20_000;
/** How often the layers are gone through, each time with fewer crossings. */
const SWEEPS = 6;
/** The least width of the grid of what is joined to nothing, in nodes. */
const GRID_COLUMNS = 5;

export interface GraphLayout {
  places: ReadonlyMap<string, Point>;
  /** Where an edge passes the layers between its ends, from left to right: the left ends of its passages. */
  routes: ReadonlyMap<string, readonly Point[]>;
  /** Where the nodes begin that are joined to nothing; null: there are none, or nothing else. */
  aloneFrom: number | null;
}

/**
 * A layered drawing: what feeds others is to the left of them, and each node is near to what it is joined to. Parts that
 * are not joined lie beside and below each other, the largest first; then what is joined to nothing. Edges on cycles do not count for the
 * layers. Linear in nodes and edges but for the sorting.
 */
export function layOut(nodes: readonly string[], links: readonly Link[]): GraphLayout {
  const known = new Set(nodes);
  const present = links.filter(({ source, target }) => known.has(source) && known.has(target));
  const circular = edgesOnCycles(present);
  const straight = present.filter(({ id }) => !circular.has(id));
  const layers = layersOf(nodes, straight);
  const { joints, passages } = withPassages(present, circular, layers);
  const neighbours = neighboursOf(joints);

  const places = new Map<string, Point>();
  const isPassage = (id: string) => !known.has(id);
  const parts = connectedParts(neighbours).map((part) =>
    placePart(ordered(columnsOf(part, layers), neighbours), neighbours, isPassage),
  );
  const top = shelve(parts, places);
  const alone = nodes.filter((id) => !neighbours.has(id));
  const columns = Math.max(GRID_COLUMNS, Math.ceil(Math.sqrt(alone.length / 2)));
  alone.forEach((id, index) => {
    places.set(id, {
      x: (index % columns) * (GRAPH_CARD.width + GAP.between),
      y: top + Math.floor(index / columns) * (GRAPH_CARD.height + GAP.between),
    });
  });
  const routes = new Map<string, Point[]>();
  for (const [link, ids] of passages) {
    routes.set(
      link,
      ids.map((id) => {
        const { x, y } = places.get(id) ?? { x: 0, y: 0 };
        return { x, y: y + PASSAGE_HEIGHT / 2 };
      }),
    );
  }
  for (const ids of passages.values()) for (const id of ids) places.delete(id);
  return { places, routes, aloneFrom: alone.length > 0 && alone.length < nodes.length ? top : null };
}

interface Joint {
  source: string;
  target: string;
}

/** The edges as steps from layer to layer, with a passage in each layer that they pass. */
function withPassages(
  links: readonly Link[],
  circular: ReadonlySet<string>,
  layers: Map<string, number>,
): { joints: Joint[]; passages: Map<string, string[]> } {
  const joints: Joint[] = [];
  const passages = new Map<string, string[]>();
  let left = PASSAGES_AT_MOST;
  for (const { id, source, target } of links) {
    const from = layers.get(source) ?? 0;
    const between = circular.has(id) ? 0 : (layers.get(target) ?? 0) - from - 1;
    let before = source;
    if (between > 0 && between <= left) {
      left -= between;
      const ids = Array.from({ length: between }, (_, step) => `${id} ${step}`);
      ids.forEach((passage, step) => {
        layers.set(passage, from + 1 + step);
        joints.push({ source: before, target: passage });
        before = passage;
      });
      passages.set(id, ids);
    }
    joints.push({ source: before, target });
  }
  return { joints, passages };
}

/** What each node is joined to; nodes without edges are not in it. */
function neighboursOf(links: readonly Joint[]): Map<string, string[]> {
  const neighbours = new Map<string, string[]>();
  const join = (a: string, b: string) => {
    const known = neighbours.get(a);
    if (known) known.push(b);
    else neighbours.set(a, [b]);
  };
  for (const { source, target } of links) {
    join(source, target);
    join(target, source);
  }
  return neighbours;
}

/** The nodes of each connected part, the largest part first. */
function connectedParts(neighbours: ReadonlyMap<string, readonly string[]>): string[][] {
  const seen = new Set<string>();
  const parts: string[][] = [];
  for (const start of neighbours.keys()) {
    if (seen.has(start)) continue;
    seen.add(start);
    const part = [start];
    for (let at = 0; at < part.length; at += 1) {
      for (const next of neighbours.get(part[at] as string) ?? []) {
        if (!seen.has(next)) {
          seen.add(next);
          part.push(next);
        }
      }
    }
    parts.push(part);
  }
  return parts.sort((a, b) => b.length - a.length);
}

/** The layer of each node: one more than the last of what feeds it (Kahn). */
function layersOf(nodes: readonly string[], links: readonly Link[]): Map<string, number> {
  const waitsFor = new Map<string, number>();
  const feeds = new Map<string, string[]>();
  for (const { source, target } of links) {
    waitsFor.set(target, (waitsFor.get(target) ?? 0) + 1);
    const known = feeds.get(source);
    if (known) known.push(target);
    else feeds.set(source, [target]);
  }
  const layers = new Map<string, number>();
  const ready = nodes.filter((id) => !waitsFor.has(id));
  for (let at = 0; at < ready.length; at += 1) {
    const id = ready[at] as string;
    const layer = layers.get(id) ?? 0;
    layers.set(id, layer);
    for (const next of feeds.get(id) ?? []) {
      layers.set(next, Math.max(layers.get(next) ?? 0, layer + 1));
      const left = (waitsFor.get(next) ?? 1) - 1;
      waitsFor.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return layers;
}

function columnsOf(part: readonly string[], layers: ReadonlyMap<string, number>): string[][] {
  const columns: string[][] = [];
  for (const id of part) {
    const layer = layers.get(id) ?? 0;
    while (columns.length <= layer) columns.push([]);
    columns[layer]?.push(id);
  }
  return columns.filter((column) => column.length > 0);
}

/** Puts each node at the middle of what it is joined to in the other layers, to and fro. */
function ordered(columns: string[][], neighbours: ReadonlyMap<string, readonly string[]>): string[][] {
  const places = new Map<string, number>();
  const settle = (column: readonly string[]) => {
    column.forEach((id, index) => void places.set(id, (index + 0.5) / column.length));
  };
  columns.forEach(settle);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const order = sweep % 2 === 0 ? columns : [...columns].reverse();
    for (const column of order) {
      const wanted = new Map(column.map((id) => [id, mean(neighbours.get(id) ?? [], places)]));
      column.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      settle(column);
    }
  }
  return columns;
}

function mean(ids: readonly string[], values: ReadonlyMap<string, number>): number {
  return ids.reduce((sum, id) => sum + (values.get(id) ?? 0), 0) / Math.max(1, ids.length);
}

interface Part {
  places: ReadonlyMap<string, Point>;
  width: number;
  height: number;
}

/** Gives the columns of a part their places, from its own upper left corner. */
function placePart(
  columns: readonly string[][],
  neighbours: ReadonlyMap<string, readonly string[]>,
  isPassage: (id: string) => boolean,
): Part {
  const heightOf = (id: string) => (isPassage(id) ? PASSAGE_HEIGHT : GRAPH_CARD.height);
  const heights = columns.map((column) => column.map(heightOf));
  const lengths = heights.map(total);
  const tallest = Math.max(...lengths);
  const middles = new Map<string, number>();
  columns.forEach((column, layer) => {
    let y = (tallest - (lengths[layer] ?? 0)) / 2;
    column.forEach((id) => {
      middles.set(id, y + heightOf(id) / 2);
      y += heightOf(id) + GAP.between;
    });
  });
  const places = new Map<string, Point>();
  const step = GRAPH_CARD.width + GAP.layers;
  columns.forEach((column, layer) => {
    // As near to its neighbours as the others of its column let it be.
    const wanted = column.map((id) => mean(neighbours.get(id) ?? [], middles) - heightOf(id) / 2);
    const tops = spread(wanted, heights[layer] ?? [], 0, tallest);
    column.forEach((id, index) => {
      const y = Math.round(tops[index] ?? 0);
      middles.set(id, y + heightOf(id) / 2);
      places.set(id, { x: layer * step, y });
    });
  });
  return { places, width: columns.length * step - GAP.layers, height: tallest };
}

/** Puts parts beside and below each other, like books on shelves, and returns where the last shelf ends. */
function shelve(parts: readonly Part[], places: Map<string, Point>): number {
  const area = parts.reduce((sum, { width, height }) => sum + width * height, 0);
  const shelf = Math.max(Math.sqrt(2 * area), ...parts.map(({ width }) => width));
  let [left, top, tallest] = [0, 0, 0];
  for (const part of parts) {
    if (left > 0 && left + part.width > shelf) {
      top += tallest + GAP.parts;
      left = 0;
      tallest = 0;
    }
    for (const [id, { x, y }] of part.places) places.set(id, { x: left + x, y: top + y });
    left += part.width + GAP.parts;
    tallest = Math.max(tallest, part.height);
  }
  return parts.length === 0 ? 0 : top + tallest + GAP.parts;
}

function total(heights: readonly number[]): number {
  return heights.reduce((sum, height) => sum + height + GAP.between, -GAP.between);
}

/** Where things of some heights begin: in their order, with a gap between, within bounds, near to what was wanted. */
export function spread(
  wanted: readonly number[],
  heights: readonly number[],
  least: number,
  most: number,
): number[] {
  let free = least;
  let needed = total(heights);
  return wanted.map((value, index) => {
    const begin = Math.max(free, Math.min(value, most - needed));
    const taken = (heights[index] ?? 0) + GAP.between;
    free = begin + taken;
    needed -= taken;
    return begin;
  });
}
