// The graph after any step: what each step changes comes in blocks, and is done or undone here.
import type { GraphData, GraphNode, Group } from "../render/graph";
import type { Channel, Frame } from "../shared/protocol";

/** A node with the nodes that it uses. */
export interface Cell extends GraphNode { inputs: number[] }

/** What one step did: for the eye. */
export interface Marks { made: number[]; gone: Cell[]; changed: number[]; place: number; about: number }

interface Block { cell: Int32Array; was: Int32Array; now: Int32Array; mark: Int32Array; place: Int32Array; about: Int32Array; step: Int32Array; rows: Cell[] }

const MADE = 1, OWN = 2;
/** So many blocks ahead of the reader are asked for; all, of a trace that has no more than `ALL`. */
const AHEAD = 3, ALL = 160;
/** A place further away than this is reached by its own state, not over the blocks between. */
const FAR = 6;

function rows(cols: Record<string, any>): Cell[] {
  const { words, label, op, kind, type, group, ends, inputs } = cols;
  return Array.from(label as Int32Array, (_, i) => ({
    key: -1, label: words[label[i]], op: words[op[i]], kind: words[kind[i]], type: words[type[i]], group: group[i],
    inputs: Array.from((inputs as Int32Array).subarray(ends[i], ends[i + 1])),
  }));
}

/** Bodies of loops and branches, which are always open. */
const bodies = (labels: string[]): Group[] => labels.map((label) => ({ label, said: "", kind: "loop", parent: -1, open: true }));

/** The cells of a message, each with its row. */
export function cellsOf(cols: Record<string, any>): Cell[] {
  const made = rows(cols);
  return Array.from(cols.cell as Int32Array, (key, i) => ({ ...made[(cols.now as Int32Array)[i]], key }));
}

export class States {
  total = 0;
  /** The step that `cells` are the state after; -1 before anything came. */
  at = -1;
  readonly cells = new Map<number, Cell>();
  groups: Group[] = [];
  private readonly users = new Map<number, Set<number>>();
  private blocks = new Map<number, Block>();
  private asked = new Map<number, Promise<void>>();
  private size = 64;
  private ahead = false;
  private closed = false;

  constructor(private readonly channel: Channel) {}

  /** Begin anew with a trace of so many steps. */
  begin(total: number, size: number): void {
    this.total = total;
    this.size = size;
    this.at = -1;
    this.cells.clear();
    this.users.clear();
    this.blocks.clear();
    this.asked.clear();
  }

  /** Go to a step if all that takes is here; say whether it was. */
  reach(step: number): boolean {
    if (this.at < 0) return false;
    const from = Math.min(this.at, step), to = Math.max(this.at, step);
    for (let b = this.block(from + 1); from < to && b <= this.block(to); b++) if (!this.blocks.has(b)) return false;
    while (this.at < step) this.forward(++this.at);
    while (this.at > step) this.backward(this.at--);
    return true;
  }

  /** Go to a step, asking for what that takes. */
  async go(step: number): Promise<void> {
    while (!this.reach(step)) {
      const from = this.at, target = this.block(Math.max(1, step));
      const near = from >= 0 && Math.abs(this.block(Math.max(1, from)) - target) <= FAR;
      if (near) {
        const [low, high] = [Math.min(from, step), Math.max(from, step)];
        const needed = [];
        for (let b = this.block(low + 1); b <= this.block(high); b++) needed.push(this.fetch(b));
        await Promise.all(needed);
      } else {
        await Promise.all([this.load(target * this.size), this.total ? this.fetch(target) : null]);
      }
      if (this.closed) return;
    }
    this.prefetch(step);
  }

  /** What the step that led here did. */
  marks(step: number): Marks {
    const found: Marks = { made: [], gone: [], changed: [], place: -1, about: -1 };
    const b = this.blocks.get(this.block(step));
    if (!step || !b) return found;
    const i = (step - 1) % this.size;
    found.place = b.place[i];
    found.about = b.about[i];
    for (let k = b.step[i]; k < b.step[i + 1]; k++) {
      if (!(b.mark[k] & OWN)) continue;
      if (b.now[k] < 0) found.gone.push({ ...b.rows[b.was[k]], key: b.cell[k] });
      else (b.mark[k] & MADE ? found.made : found.changed).push(b.cell[k]);
    }
    return found;
  }

  /** The nodes about some, nearest first: what uses them and what they use. */
  near(from: Iterable<number>, limit: number, reach: number): Set<number> {
    const found = new Set<number>();
    let level = [...from].filter((c) => this.cells.has(c));
    level.forEach((c) => found.add(c));
    for (let i = 0; i < reach && found.size < limit; i++) {
      const next: number[] = [];
      for (const c of level) {
        for (const other of [...(this.users.get(c) ?? []), ...(this.cells.get(c)?.inputs ?? [])]) {
          if (found.has(other) || !this.cells.has(other) || found.size >= limit) continue;
          found.add(other);
          next.push(other);
        }
      }
      level = next;
    }
    return found;
  }

  /** The drawing of some nodes, or of all, with what went as ghosts beside them. */
  drawing(only: Set<number> | null, ghosts: Cell[] = []): GraphData {
    const nodes: Cell[] = only ? [...only].map((c) => this.cells.get(c)!) : [...this.cells.values()];
    const shown = [...nodes, ...ghosts];
    const there = only || ghosts.length ? new Set(shown.map((n) => n.key)) : this.cells;
    const src: number[] = [], dst: number[] = [];
    for (const n of shown) {
      for (const i of n.inputs) {
        if (!there.has(i)) continue;
        src.push(i);
        dst.push(n.key);
      }
    }
    const roots = nodes.filter((n) => !this.users.get(n.key)?.size).map((n) => n.key);
    return { nodes: shown, src, dst, groups: this.groups, roots };
  }

  close(): void {
    this.closed = true;
  }

  private block(step: number): number {
    return Math.floor((Math.max(1, step) - 1) / this.size);
  }

  private put(c: number, row: Cell): void {
    this.take(c);
    this.cells.set(c, { ...row, key: c });
    for (const i of row.inputs) (this.users.get(i) ?? this.users.set(i, new Set()).get(i)!).add(c);
  }

  private take(c: number): void {
    for (const i of this.cells.get(c)?.inputs ?? []) this.users.get(i)?.delete(c);
    this.cells.delete(c);
  }

  private forward(step: number): void {
    this.change(step, (b) => b.now);
  }

  private backward(step: number): void {
    this.change(step, (b) => b.was);
  }

  private change(step: number, side: (b: Block) => Int32Array): void {
    const b = this.blocks.get(this.block(step))!;
    const i = (step - 1) % this.size;
    for (let k = b.step[i]; k < b.step[i + 1]; k++) {
      const row = side(b)[k];
      if (row < 0) this.take(b.cell[k]);
      else this.put(b.cell[k], b.rows[row]);
    }
  }

  private fetch(block: number): Promise<void> {
    let asked = this.asked.get(block);
    if (!asked) {
      asked = this.channel.request("block", { block }).then(({ content, cols }: Frame) => {
        if (content.groups) this.groups = bodies(content.groups);
        this.blocks.set(block, { ...(cols as any), rows: rows(cols) });
      });
      this.asked.set(block, asked);
    }
    return asked;
  }

  private async load(step: number): Promise<void> {
    const found: Cell[] = [];
    for (let page = 0, more = true; more; page++) {
      const { content, cols } = await this.channel.request("page", { step, page });
      found.push(...cellsOf(cols));
      more = Boolean(content.more);
      if (content.groups) this.groups = bodies(content.groups);
    }
    this.cells.clear();
    this.users.clear();
    for (const cell of found) this.put(cell.key, cell);
    this.at = step;
  }

  private prefetch(step: number): void {
    if (this.ahead || !this.total) return;
    const here = this.block(step), last = this.block(this.total);
    const reach = last <= ALL ? last : AHEAD;
    let wanted = -1;
    for (let d = 0; d <= reach && wanted < 0; d++) {
      wanted = [here + d, here - d].find((b) => b >= 0 && b <= last && !this.asked.has(b)) ?? -1;
    }
    if (wanted < 0) return;
    this.ahead = true;
    void this.fetch(wanted).then(() => {
      this.ahead = false;
      if (!this.closed) this.prefetch(this.at < 0 ? step : this.at);
    });
  }
}
