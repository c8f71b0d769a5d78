// What is said of a step: the rule's sentence, the two sides with what differs, the check with its values, the rule itself.
import { button, el, replaceChildren, seconds } from "../shared/dom";

export type Pieces = [string, boolean][];

export interface Rule { name: string; group: string; doc: string }
export interface WholeRule { text: string; conditions: string[]; proved: string[]; precise: boolean; place: string; source: string }

export interface Detail {
  step: number; before: Pieces; after: Pieces; derivative?: boolean; depth?: number; of?: string | null; purpose?: string | null;
  line?: { file: string; number: number; text: string } | null; concerns?: string[]; whole?: string;
}

export interface CheckRow { before: string; after: string; difference: number | null; relative: number | null; note: string }
export interface Check { step: number; how: string; sides: [string, string]; rows: CheckRow[]; holds: boolean; worst: number | null; tolerance: number }

export const said = (name: string): string => name.replaceAll("_", " ");

/** A formula with its changed pieces marked: by colour, and struck out or underlined. */
export function pieces(parts: Pieces, tag: "del" | "ins"): Node[] {
  return parts.map(([text, changed]) => (changed ? el(tag, {}, text) : document.createTextNode(text)));
}

export function sides(before: Pieces, after: Pieces, of?: string | null): HTMLElement {
  const right = of ? [el("span", { class: "wb-quiet" }, "∂/∂ "), el("b", {}, of), " = ", ...pieces(after, "ins")] : pieces(after, "ins");
  return el("div", { class: "wb-diff" },
    el("pre", { class: "wb-before", "aria-label": "before", tabindex: 0 }, ...pieces(before, "del")),
    el("span", { class: "wb-becomes", "aria-hidden": "true" }, "→"),
    el("pre", { class: "wb-after", "aria-label": "after", tabindex: 0 }, ...right));
}

const exponent = (x: number | null): string => (x === null ? "–" : x === 0 ? "0" : x.toExponential(1));

/** The check of a step: how it came out in a line, the values below it. */
export function checked(check: Check | null): HTMLElement {
  if (!check) return el("p", { class: "wb-quiet wb-check-waiting" }, "comparing…");
  if (!check.rows.length) return el("p", { class: "wb-quiet wb-unchecked" }, check.how);
  const worst = `${check.rows.length} points, max |difference| ${exponent(check.worst)}`;
  const line = check.holds ? `the two sides agree: ${worst}` : `the two sides differ: ${worst}`;
  const head = ["point", ...check.sides, "|difference|"].map((h) => el("th", { scope: "col" }, h));
  const notes = check.rows.some((r) => r.note);
  if (notes) head.push(el("th", { scope: "col" }, "note"));
  const rows = check.rows.map((r, i) => el("tr", {},
    el("th", { scope: "row" }, String(i + 1)), el("td", {}, r.before), el("td", {}, r.after), el("td", {}, exponent(r.difference)), notes ? el("td", {}, r.note) : null));
  return el("details", { class: check.holds ? "wb-check" : "wb-check wb-differs" },
    el("summary", {}, line),
    el("p", { class: "wb-quiet" }, check.how),
    el("div", { class: "wb-scroll", tabindex: 0, role: "region", "aria-label": "values compared" },
      el("table", { class: "wb-values" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows))));
}

export interface About {
  rule: Rule; pass: string; seconds: number; detail: Detail | null; check: Check | null;
  firings: number[]; breaks: boolean;
  go(step: number): void; toggleBreak(): void; concerning(name: string): void; whole(): Promise<WholeRule>;
}

const FIRINGS = 60;

/** Everything about a step. */
export function aboutStep(into: HTMLElement, step: number, about: About, open: Set<string>): void {
  const { rule, detail } = about;
  const facts: (Node | string)[] = [];
  if (detail?.line?.text) facts.push(el("span", { class: "wb-source-line", title: `${detail.line.file}, line ${detail.line.number}` }, detail.line.text));
  if (detail?.purpose) facts.push(el("span", { class: "wb-purpose" }, detail.purpose));
  if (detail?.depth) facts.push(el("span", { class: "wb-quiet" }, `inside ${detail.depth === 1 ? "a loop's body or a branch" : `${detail.depth} loops or branches`}`));
  const chips = (detail?.concerns ?? []).slice(0, 8).map((name) =>
    el("button", { type: "button", class: "wb-chip", title: `steps that concern ${name}`, onClick: () => about.concerning(name) }, name));
  replaceChildren(into,
    el("h4", {}, said(rule.name), el("span", { class: "wb-quiet" }, `  ${about.pass} · ${seconds(about.seconds)}`)),
    el("p", {}, rule.doc),
    detail ? sides(detail.before, detail.after, detail.derivative ? detail.of : null) : el("div", { class: "wb-diff wb-quiet" }, "…"),
    checked(about.check),
    facts.length || chips.length ? el("p", { class: "wb-facts-line" }, ...facts, ...chips) : null,
    fold("rule", open, `the rule: ${rule.group}, ${about.firings.length} firing${about.firings.length === 1 ? "" : "s"} here`, () => aboutRule(step, about)));
}

function aboutRule(step: number, { firings, breaks, go, toggleBreak, whole }: About): Node[] {
  const listed = firings.slice(0, FIRINGS).map((n) =>
    el("button", { type: "button", class: n === step ? "wb-chip wb-on" : "wb-chip", "aria-current": n === step ? "step" : undefined, onClick: () => go(n) }, String(n)));
  const more = firings.length > FIRINGS ? el("span", { class: "wb-quiet" }, ` and ${firings.length - FIRINGS} more`) : null;
  const stop = button(breaks ? "Play on past this rule" : "Stop here when playing", "break", toggleBreak);
  stop.setAttribute("aria-pressed", String(breaks));
  const told = el("div", { class: "wb-rule" }, el("p", { class: "wb-quiet" }, "…"));
  void whole().then((rule) => {
    const facts: [string, string][] = [
      ["turns", rule.text], ["where", rule.conditions.join(", ")],
      ["proved", rule.proved.length ? `both sides compared, drawn from: ${rule.proved.join("; ")}` : ""],
      ["precision", rule.precise ? "the right side keeps more digits: proved against mpmath" : ""], ["written in", rule.place],
    ];
    replaceChildren(told, ...facts.filter(([, text]) => text).map(([name, text]) => el("p", {}, el("span", { class: "wb-fact-label" }, name), text)),
      rule.source ? el("pre", { class: "wb-source", tabindex: 0, "aria-label": "source of the rule" }, rule.source) : el("p", { class: "wb-quiet" }, "Its source is not to be had."));
  });
  return [told, el("p", { class: "wb-firings" }, "steps ", ...listed, ...(more ? [more] : [])), stop];
}

/** A part that stays open, or closed, from step to step; filled when it is opened. */
export function fold(name: string, open: Set<string>, title: string, content: () => Node[]): HTMLElement {
  const details = el("details", { "data-fold": name, open: open.has(name) }, el("summary", {}, title));
  if (open.has(name)) details.append(...content());
  details.addEventListener("toggle", () => {
    if (!details.open) return void open.delete(name);
    if (!open.has(name)) details.append(...content());
    open.add(name);
  });
  return details;
}

/** Lines of two stages of code: what went and what came, and how much stays as it is. */
export function code(lines: [string, string][]): HTMLElement {
  const drawn = lines.map(([kind, text]) => el("span", { class: `wb-line wb-line-${kind === "+" ? "new" : kind === "-" ? "old" : kind === "@" ? "same" : "kept"}` },
    kind === "@" ? `⋯ ${text}` : `${kind} ${text}`));
  return el("pre", { class: "wb-code-diff", tabindex: 0, "aria-label": "code of this stage" }, ...drawn);
}

export interface NodeFacts {
  cell: number; key: number; name: string | null; label: string; purpose: string | null; op: string; type: string; formula: string;
  line: { file: string; number: number; text: string } | null; made: number; changes: number[]; rule: string | null; rules: string[];
}

export interface NodeActions { go(step: number): void; whyNot(rule: string): Promise<string>; elsewhere: ((key: number) => void) | null; concerning(name: string): void; close(): void }

/** What is known of a node: what it is, which step made it, why a rule leaves it alone. */
export function aboutNode(into: HTMLElement, facts: NodeFacts, actions: NodeActions): void {
  const to = (n: number) => el("button", { type: "button", class: "wb-chip", onClick: () => actions.go(n) }, n ? `step ${n}` : "the beginning");
  const fact = (name: string, ...value: (Node | string)[]) => el("div", { class: "wb-fact" }, el("span", { class: "wb-fact-name" }, name), ...value);
  const answer = el("p", { class: "wb-why", role: "status" });
  const choice = el("select", { class: "wb-select", "aria-label": "rule" }, el("option", { value: "" }, "choose a rule"), ...facts.rules.map((r) => el("option", { value: r }, said(r))));
  choice.addEventListener("change", () => {
    answer.textContent = choice.value ? "…" : "";
    if (choice.value) void actions.whyNot(choice.value).then((text) => (answer.textContent = text));
  });
  replaceChildren(into,
    el("div", { class: "wb-node-head" }, el("h4", {}, facts.label), button("×", "close-node", actions.close, "close")),
    fact("formula", el("code", {}, facts.formula)),
    facts.purpose ? fact("for", facts.purpose) : null,
    fact("operation", facts.op), fact("type", facts.type),
    facts.line?.text ? fact("line", `${facts.line.text} (line ${facts.line.number})`) : null,
    fact("made by", ...(facts.rule ? [said(facts.rule), " "] : []), to(facts.made)),
    facts.changes.length ? fact("changed or taken away by", ...facts.changes.slice(0, 12).map(to)) : null,
    facts.rules.length ? fact("why did this rule not fire here?", choice, answer) : null,
    el("div", { class: "wb-node-actions" },
      facts.name ? button(`Steps that concern ${facts.name}`, "concerning", () => actions.concerning(facts.name!)) : null,
      actions.elsewhere ? button("Show in the density", "elsewhere", () => actions.elsewhere!(facts.key)) : null));
}
