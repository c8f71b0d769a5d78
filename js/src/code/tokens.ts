// Words of generated code by kind: enough of C, Python, jaxpr and the loop IR to colour a line by itself.

export interface Token { text: string; kind: "comment" | "keyword" | "type" | "number" | "string" | "call" | "" }

const C = "const static inline for if else return while break continue typedef struct sizeof volatile restrict";
const PYTHON = "def return for in while if elif else import from as and or not lambda True False None break continue pass";
const LOOPS = "for fill copy begin if else repeat while in turns row of from lies memory constant region";
const C_TYPES = /^(?:u?int\d+_t|double|float|void|char|int|wb_\w+)$/;
const TYPES = /^(?:[fiub]\d+|bool|u?int\d+|float\d+|np|types)$/;
const KEYWORDS: Record<string, Set<string>> = { c: new Set(C.split(" ")), python: new Set(PYTHON.split(" ")), jaxpr: new Set(["lambda", "let", "in"]), loops: new Set(LOOPS.split(" ")) };
const COMMENT: Record<string, string> = { c: "//", python: "#", jaxpr: "  #", loops: "    #" };
const WORD = /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]\w*)|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[A-Za-z]*)/g;

/** The words of a line; what lies between them has no kind. */
export function tokens(line: string, language: string): Token[] {
  const found: Token[] = [];
  const push = (text: string, kind: Token["kind"]) => { if (text) found.push({ text, kind }); };
  const mark = line.indexOf(COMMENT[language] ?? "//");
  const code = mark < 0 ? line : line.slice(0, mark);
  if (language === "c" && /^\s*#/.test(code)) push(code, "keyword");
  else {
    let at = 0;
    for (const m of code.matchAll(WORD)) {
      push(code.slice(at, m.index), "");
      at = m.index + m[0].length;
      const next = code.slice(at).trimStart()[0];
      if (m[1]) push(m[1], "string");
      else if (m[3]) push(m[3], "number");
      else if (KEYWORDS[language]?.has(m[2])) push(m[2], "keyword");
      else if ((language === "c" ? C_TYPES : TYPES).test(m[2])) push(m[2], "type");
      else push(m[2], next === "(" ? "call" : "");
    }
    push(code.slice(at), "");
  }
  if (mark >= 0) push(line.slice(mark), "comment");
  return found;
}
