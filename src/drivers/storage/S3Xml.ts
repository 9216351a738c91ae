/** The XML that S3 speaks: elements and text, nothing else of it. */

export interface Element {
  /** Without a namespace's prefix. */
  readonly name: string;
  /** Own text; empty where it has children. */
  readonly text: string;
  readonly children: ReadonlyArray<Element>;
}

/** 1: CDATA; 2: `/` of an end; 3: name; 4: `/` of an empty element; 5: text. A DOCTYPE matches nothing, so that none is taken. */
const token =
  /<\?[^]*?\?>|<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<(\/?)([^\s/>!?"'=<]+)(?:[^>"'/]|"[^"]*"|'[^']*')*(\/?)>|([^<]+)/y;

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

const unescape = (text: string): string =>
  text.includes("&")
    ? text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi, (whole, hex, decimal, name) => {
      if (name !== undefined) return entities[name] ?? whole;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    })
    : text;

/** The root; `undefined` where the text is no well-formed document. */
export const parse = (xml: string): Element | undefined => {
  const document = { name: "", text: "", children: [] as Array<Element> };
  const open: Array<{ name: string; text: string; children: Array<Element> }> = [document];
  token.lastIndex = 0;
  while (token.lastIndex < xml.length) {
    const match = token.exec(xml);
    if (match === null) return undefined;
    const [, cdata, end, name, empty, text] = match;
    const top = open.at(-1)!;
    if (text !== undefined) top.text += unescape(text);
    else if (cdata !== undefined) top.text += cdata;
    else if (name === undefined) continue;
    else if (end === "/") {
      if (open.length === 1 || top.name !== local(name)) return undefined;
      if (top.children.length > 0) top.text = "";
      open.pop();
    } else {
      const element = { name: local(name), text: "", children: [] };
      top.children.push(element);
      if (empty !== "/") open.push(element);
    }
  }
  return open.length === 1 && document.children.length === 1 && document.text.trim() === ""
    ? document.children[0]
    : undefined;
};

const local = (name: string): string => name.slice(name.indexOf(":") + 1);

/** Text of the first child of this name. */
export const textOf = (element: Element | undefined, name: string): string | undefined =>
  element?.children.find((child) => child.name === name)?.text;

export const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Whether XML can carry the text, and every parser gives it back unchanged. */
export const carries = (text: string): boolean =>
  !/[\x00-\x1f\x7f-\x9f\u2028\ufffe\uffff]/.test(text) && text.isWellFormed();
