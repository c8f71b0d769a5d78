// What connects the tabs of one panel: what is chosen, and which tab is open.

/** A choice: numbers of expressions, which all tabs share, and the name by which other places know it. */
export interface Choice { keys: number[]; name?: string; /** Relatives in other graphs are among them. */ related?: boolean }

export class Bus {
  private listeners: ((choice: Choice, from: string) => void)[] = [];
  choice: Choice = { keys: [] };
  /** Open a tab, at a place in it. */
  open: (part: string, detail?: any) => void = () => {};
  has: (part: string) => boolean = () => false;

  select(choice: Choice, from: string): void {
    this.choice = choice;
    for (const listener of this.listeners) listener(choice, from);
  }

  onSelect(listener: (choice: Choice, from: string) => void): () => void {
    this.listeners.push(listener);
    return () => (this.listeners = this.listeners.filter((l) => l !== listener));
  }
}
