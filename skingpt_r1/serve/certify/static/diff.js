// What became of the draft, word by word (longest common subsequence), as nodes; the server keeps its own.

const MOST = 4e6; // cells of the table; beyond it the change is shown as one

export function steps(draft, text) {
  const a = draft.match(/\s*\S+/g) ?? [], b = text.match(/\s*\S+/g) ?? [];
  if (a.length * b.length > MOST) return [["cut", draft], ["add", text]];
  const width = b.length + 1, table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] = a[i] === b[j]
        ? table[(i + 1) * width + j + 1] + 1
        : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  const out = [];
  const put = (kind, word) => { if (out.at(-1)?.[0] === kind) out.at(-1)[1] += word; else out.push([kind, word]); };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { put("same", a[i++]); j++; }
    else if (j >= b.length || (i < a.length && table[(i + 1) * width + j] >= table[i * width + j + 1])) put("cut", a[i++]);
    else put("add", b[j++]);
  }
  return out;
}

// [kind, words] pieces as a fragment of <ins>, <del> and text.
export function drawn(pieces) {
  const made = document.createDocumentFragment();
  for (const [kind, words] of pieces) {
    const node = kind === "same" ? document.createTextNode(words) : document.createElement(kind === "add" ? "ins" : "del");
    node.textContent = words;
    made.append(node);
  }
  return made;
}
