// One listing as it came from the kernel, and what of it is in sight: support code folded, or not.

export interface UserLine { file: string; number: number; text: string }

export class Listing {
  text: string[] = [];
  key: number[] = [];
  loop: number[] = [];
  support: number[] = [];
  statement: number[] = [];
  place: number[] = [];
  places: UserLine[] = [];
  total = 0;
  error = "";
  hint = "";
  /** What a row shows: a line's number, or -1 - (first line) for a fold. */
  rows: number[] = [];
  /** Seconds of each statement in a call and how often it runs, by its number, and of a whole call; where it was measured. */
  times: { of: Map<number, { seconds: number; times: number }>; total: number } | null = null;
  private opened = new Set<number>();
  private rowOf = new Map<number, number>();

  constructor(readonly kind: string, readonly title: string, readonly language: string) {}

  get complete(): boolean {
    return this.total > 0 && this.text.length >= this.total;
  }

  add(content: any, cols: any): void {
    this.total = content.total;
    this.text.push(...(cols.text as string[]));
    for (const name of ["key", "loop", "support", "place"] as const) this[name].push(...Array.from(cols[name] as ArrayLike<number>));
    if (cols.statement) this.statement.push(...Array.from(cols.statement as ArrayLike<number>));
    this.places.push(...content.places);
    this.layOut();
  }

  /** Lines of support code from `first` on that lie together. */
  foldLength(first: number): number {
    let n = 0;
    while (first + n < this.text.length && this.support[first + n]) n++;
    return n;
  }

  isOpen(first: number): boolean {
    return this.opened.has(first);
  }

  toggle(first: number): void {
    if (!this.opened.delete(first)) this.opened.add(first);
    this.layOut();
  }

  /** Open the fold that a line is in. */
  uncover(line: number): void {
    if (!this.support[line]) return;
    let first = line;
    while (first > 0 && this.support[first - 1]) first--;
    if (!this.opened.has(first)) this.toggle(first);
  }

  /** A line without what its comment says of the user's line, where that stands beside it. */
  alone(line: number): string {
    const text = this.text[line], place = this.places[this.place[line]];
    const at = place ? text.lastIndexOf(`${place.file}:${place.number} `) : -1;
    return at < 0 ? text : text.slice(0, at).replace(/(\s*\/\/|\s*#|\s*\|)?\s*$/, "");
  }

  row(line: number): number {
    return this.rowOf.get(line) ?? -1;
  }

  linesOf(keys: ReadonlySet<number>): number[] {
    return this.key.flatMap((k, i) => (keys.has(k) ? [i] : []));
  }

  /** Where to begin to read of expressions: at what computes them, not at declarations; -1 where they have no lines. */
  firstOf(keys: ReadonlySet<number>): number {
    const lines = this.linesOf(keys);
    return lines.find((i) => this.statement[i] > 0) ?? lines[0] ?? -1;
  }

  /** Expressions that share a loop, by their keys, in the order of its lines. */
  fusedWith(line: number): number[] {
    const loop = this.loop[line];
    return loop ? [...new Set(this.key.filter((k, i) => k >= 0 && this.loop[i] === loop))] : [];
  }

  measured(content: any, cols: any): void {
    const statements = Array.from(cols.statement as ArrayLike<number>);
    this.times = { of: new Map(statements.map((n, i) => [n, { seconds: cols.seconds[i], times: cols.times[i] }])), total: content.total };
  }

  /** How long the statement of a line takes in a call, of a whole one, and how often it runs; null where nothing was measured. */
  timeOf(line: number): { seconds: number; share: number; times: number } | null {
    const found = this.times?.of.get(this.statement[line]);
    return found && this.times ? { ...found, share: this.times.total ? found.seconds / this.times.total : 0 } : null;
  }

  private layOut(): void {
    this.rows = [];
    this.rowOf.clear();
    for (let i = 0; i < this.text.length; i++) {
      const n = this.support[i] && !(i > 0 && this.support[i - 1]) ? this.foldLength(i) : 0;
      if (n > 3) {
        this.rows.push(-1 - i);
        if (!this.opened.has(i)) {
          i += n - 1;
          continue;
        }
      }
      this.rowOf.set(i, this.rows.length);
      this.rows.push(i);
    }
  }
}
