// Elements made from plain values: text is always text, never HTML.

type Child = Node | string | number | null | undefined;
type Attributes = Record<string, unknown>;

function fill<T extends Element>(element: T, attributes: Attributes, children: Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2).toLowerCase(), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
  return element;
}

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag) as SVGElement, attributes, children);
}

export function button(label: string, action: string, onClick: () => void, title = ""): HTMLButtonElement {
  return el("button", { type: "button", class: "wb-button", "data-action": action, title, onClick }, label);
}

export function replaceChildren(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(...children.filter((c): c is Node | string | number => c !== null && c !== undefined).map((c) => (c instanceof Node ? c : String(c))));
}

export function save(name: string, type: string, body: string | Blob): void {
  const link = el("a", { href: URL.createObjectURL(new Blob([body], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function seconds(s: number): string {
  if (!Number.isFinite(s)) return "–";
  if (s < 9.995e-6) return s < 1e-6 && s > 0 ? `${(s * 1e9).toFixed(0)} ns` : `${Number((s * 1e6).toFixed(1))} µs`;
  if (s < 1e-3) return `${(s * 1e6).toFixed(0)} µs`;
  if (s < 1) return `${(s * 1e3).toFixed(1)} ms`;
  if (s < 90) return `${s.toFixed(1)} s`;
  return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
}

/** A share, as people say it. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  if (share > 0 && share < 1e-3) return "< 0.1%";
  return `${(100 * share).toFixed(share < 0.0995 && share > 0 ? 1 : 0)}%`;
}

export function number(x: number, digits = 3): string {
  if (!Number.isFinite(x)) return "–";
  if (x !== 0 && (Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3)) return x.toExponential(2);
  return x.toPrecision(digits).includes("e") ? x.toFixed(0) : String(Number(x.toPrecision(digits)));
}
