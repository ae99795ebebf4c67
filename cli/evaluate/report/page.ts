// The frame of a page that stands alone: no script, no network.

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escaped = (value: unknown): string =>
  String(value ?? '').replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? '');

const STYLE = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
  table { border-collapse: collapse; } th, td { padding: .25rem .9rem .25rem 0; text-align: left; }
  td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
  tr:last-child.all td { border-top: 1px solid #8888; font-weight: 600; }
  svg { max-width: 100%; height: auto; }
  .answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
  figure { margin: 0; border: 1px solid #8884; border-radius: .5rem; overflow: hidden; }
  figure .picture { position: relative; background: #8882; } figure img { display: block; width: 100%; }
  figure svg { position: absolute; inset: 0; width: 100%; height: 100%; }
  figcaption { padding: .5rem .75rem; overflow-wrap: anywhere; } figcaption p { margin: .1rem 0; }
  .quiet { color: #777; } .wanted { color: #15803d; } .answer { color: #b45309; }`;

export const pageOf = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
${body}
</body>
</html>
`;

/** @param numbers how many of the last columns are numbers */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], numbers: number): string {
  const cell = (tag: string) => (text: string, i: number) =>
    `<${tag}${i >= head.length - numbers ? ' class="n"' : ''}>${escaped(text)}</${tag}>`;
  const line = (tag: string, cells: readonly string[]) => cells.map(cell(tag)).join('');
  const body = rows.map((row) => `<tr${row[0] === 'all' ? ' class="all"' : ''}>${line('td', row)}</tr>`);
  return `<table><thead><tr>${line('th', head)}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}
