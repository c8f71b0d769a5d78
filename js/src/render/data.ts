// A graph as it comes from the kernel, and questions about it.

export interface GraphNode {
  key: number;
  op: string;
  label: string;
  kind: string;
  type: string;
  group: number;
  /** In a comparison of two graphs: 1 if only the first has it, 2 if only the second. */
  side?: number;
}

/** Nodes that are drawn as one box while the group is closed, and in a frame while it is open. */
export interface Group {
  label: string;
  said: string;
  /** "plate", "term", "formula" (a node and what is computed for it alone), "loop", "repeat". */
  kind: string;
  parent: number;
  open: boolean;
  /** The node that a closed formula stands for. */
  head?: number;
}

export interface GraphData { nodes: GraphNode[]; src: number[]; dst: number[]; groups: Group[]; roots: number[] }

export const NOTHING: GraphData = { nodes: [], src: [], dst: [], groups: [], roots: [] };

export function graphData(content: any, cols: Record<string, any>): GraphData {
  const nodes: GraphNode[] = Array.from(cols.key as Int32Array, (key, i) => ({
    key, op: cols.op[i], label: cols.label[i], kind: cols.kind[i], type: cols.type[i], group: cols.group[i], side: cols.side?.[i],
  }));
  const groups: Group[] = Array.from((cols["group.label"] ?? []) as string[], (label, i) => ({
    label, said: cols["group.said"][i], kind: cols["group.kind"][i], parent: cols["group.parent"][i], open: cols["group.open"][i] === 1, ...(cols["group.head"][i] >= 0 ? { head: cols["group.head"][i] } : {}),
  }));
  return { nodes, src: Array.from(cols.src), dst: Array.from(cols.dst), groups, roots: content.roots ?? [] };
}

/** What a group is in, the innermost first, itself included. */
export function within(groups: readonly Group[], group: number): number[] {
  const chain: number[] = [];
  for (let g = group; g >= 0; g = groups[g].parent) chain.push(g);
  return chain;
}

/** `op:exp shape:85 name:sigma kind:random dim:county in:prior`, or plain words in the label. `inside` says what the node is in. */
export function matches(node: GraphNode, query: string, inside = ""): boolean {
  return query.trim().toLowerCase().split(/\s+/).filter(Boolean).every((term) => {
    const [field, ...rest] = term.split(":");
    const value = rest.join(":");
    if (!value) return node.label.toLowerCase().includes(term) || node.op.toLowerCase().includes(term);
    if (field === "op") return node.op.toLowerCase().includes(value);
    if (field === "name") return node.label.toLowerCase().includes(value);
    if (field === "kind") return node.kind.includes(value);
    const lengths = () => `${node.type.slice(node.type.indexOf("["))} ${inside}`.toLowerCase().split(/[^\p{L}\p{N}_]+/u);
    if (field === "shape" || field === "dim" || field === "dims") return node.type.includes("[") || inside ? lengths().includes(value) : false;
    if (field === "type" || field === "dtype") return node.type.toLowerCase().includes(value);
    if (field === "in") return inside.toLowerCase().includes(value);
    return false;
  });
}

/** Neighbours by key. */
export class Links {
  readonly above = new Map<number, number[]>();
  readonly below = new Map<number, number[]>();

  constructor({ src, dst }: GraphData) {
    const add = (map: Map<number, number[]>, from: number, to: number) => {
      const known = map.get(from);
      if (known) known.push(to);
      else map.set(from, [to]);
    };
    for (let e = 0; e < src.length; e++) {
      add(this.below, src[e], dst[e]);
      add(this.above, dst[e], src[e]);
    }
  }

  /** What lies within `steps` edges of some nodes, nearest first, at most `limit`. */
  reach(from: Iterable<number>, where: "above" | "below" | "both", steps = Infinity, limit = Infinity): Set<number> {
    const found = new Set(from);
    let edge = [...found];
    for (let step = 0; step < steps && edge.length && found.size < limit; step++) {
      const next: number[] = [];
      for (const key of edge) {
        const near = [...(where !== "below" ? this.above.get(key) ?? [] : []), ...(where !== "above" ? this.below.get(key) ?? [] : [])];
        for (const other of near) {
          if (found.has(other) || found.size >= limit) continue;
          found.add(other);
          next.push(other);
        }
      }
      edge = next;
    }
    return found;
  }

  /** The nodes of every way from `from` to `to`. */
  between(from: number, to: Iterable<number>): Set<number> {
    const down = this.reach([from], "below"), up = this.reach(to, "above");
    return new Set([...down].filter((key) => up.has(key)));
  }
}
