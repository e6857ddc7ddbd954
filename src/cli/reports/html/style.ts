/** Style of the reports: readable on a phone, a wide screen and paper, in light and dark. No font or image is loaded. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d2126; --soft: #555d66; --line: #dcd9d3; --link: #0b57a4;
  --own: #2f6690; --shared: #b5c9d9; --ok: #1c6b3c; --look: #875400; --bad: #a8231a; --mark: #f1eee8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1b1f23; --ink: #e6e8ea; --soft: #a5adb5; --line: #343a41; --link: #8cbdf2;
    --own: #7fb2da; --shared: #3d5468; --ok: #7dcf9c; --look: #e7b563; --bad: #ff9a91; --mark: #252a30;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main, header, nav, footer { max-width: 68rem; margin-inline: auto; padding-inline: clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(1.5rem, 5vw, 3.5rem); }
h1, h2, h3 { line-height: 1.25; font-weight: 650; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); margin: .1rem 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; margin: 3rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .5rem; }
p { margin: .5rem 0 .9rem; max-width: 46rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, button:focus-visible, input:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; background: var(--card); padding: .5rem 1rem; }
.skip:focus { left: 1rem; top: .5rem; }
.kind { color: var(--soft); font-size: .95rem; letter-spacing: .02em; margin: 0; }
.soft { color: var(--soft); }
code { font: .88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; unicode-bidi: isolate; }
pre { margin: .4rem 0; padding: .6rem .8rem; background: var(--mark); border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; font: .82em/1.45 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9.5rem), 1fr)); gap: 1px; margin: 1.2rem 0; background: var(--line); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
dl.facts > div { background: var(--card); padding: .7rem .9rem; }
dl.facts dt { color: var(--soft); font-size: .85rem; }
dl.facts dd { margin: 0; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dl.pairs { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.2rem; margin: .6rem 0 1rem; }
dl.pairs dt { color: var(--soft); }
dl.pairs dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
ul.checks { list-style: none; margin: 1rem 0; padding: 0; border: 1px solid var(--line); border-radius: 6px; background: var(--card); }
ul.checks > li { display: grid; grid-template-columns: 5.2rem 1fr; gap: .8rem; padding: .65rem .9rem; }
ul.checks > li + li { border-top: 1px solid var(--line); }
ul.checks p { margin: 0; max-width: none; min-width: 0; overflow-wrap: anywhere; }
.state { font-weight: 650; white-space: nowrap; }
.ok { color: var(--ok); } .look { color: var(--look); } .bad { color: var(--bad); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: 1rem 0 0; padding: 0; }
nav a { display: inline-block; padding: .25rem 0; }
.table { width: 100%; border-collapse: collapse; margin: .6rem 0 1.2rem; font-size: .95rem; }
.table th { text-align: left; font-weight: 600; color: var(--soft); font-size: .85rem; vertical-align: bottom; }
.table th, .table td { padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); }
.table td, .table th[scope=row] { vertical-align: top; overflow-wrap: anywhere; }
.table th[scope=row] { color: inherit; font-weight: 400; font-size: inherit; }
.table ul.places { margin: 0; }
.nowrap { white-space: nowrap; }
.table .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.table tr > :last-child { padding-right: 0; }
.label { display: none; }
.tools { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; margin: 1rem 0; }
.tools[hidden] { display: none; }
.tools label { display: grid; gap: .2rem; font-size: .9rem; flex: 1 1 14rem; max-width: 28rem; }
input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: 4px; padding: .45rem .7rem; min-height: 2.6rem; }
button { cursor: pointer; }
.tools output { align-self: center; color: var(--soft); }
ol.images { list-style: none; margin: 1rem 0; padding: 0; }
li.image { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin: 0 0 .7rem; }
li.image[hidden] { display: none; }
li.image:target { outline: 3px solid var(--link); }
li.image h3 { margin: 0; font-weight: 600; }
li.image h3 code { font-size: .95rem; }
.measures { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .3rem 0; color: var(--soft); font-size: .92rem; }
.measures b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
.bar { display: block; width: 100%; max-width: 26rem; height: 6px; margin: .35rem 0; }
.bar .own { fill: var(--own); } .bar .shared { fill: var(--shared); }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 999px; padding: 0 .6em; font-size: .8rem; line-height: 1.6; white-space: nowrap; }
details { margin: .4rem 0; }
summary { cursor: pointer; padding: .25rem 0; }
ul.places { margin: .3rem 0 .6rem; padding-left: 1.1rem; }
ul.places li { margin: .35rem 0; overflow-wrap: anywhere; }
footer { margin-top: 3rem; padding-block: 1.2rem 2.5rem; color: var(--soft); font-size: .9rem; border-top: 1px solid var(--line); }
.sign { display: none; }
@media screen { li.image { content-visibility: auto; contain-intrinsic-size: auto 9rem; } }
@media screen and (max-width: 44rem) {
  .table thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .table, .table tbody, .table tr, .table td, .table th[scope=row] { display: block; }
  .table th[scope=row] { border: 0; padding: 0 0 .1rem; font-weight: 600; }
  .table tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .table td { display: grid; grid-template-columns: 7rem 1fr; gap: .8rem; border: 0; padding: .1rem 0; }
  .table td:empty { display: none; }
  .table .number { text-align: left; white-space: normal; }
  .label { display: block; color: var(--soft); }
  ul.checks > li { grid-template-columns: 1fr; gap: .1rem; }
  dl.pairs { grid-template-columns: 1fr; gap: 0; }
  dl.pairs dd { margin-bottom: .5rem; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --link: #000; --own: #333; --shared: #bbb; --ok: #000; --look: #000; --bad: #000; --mark: #fff; }
  @page { margin: 16mm 14mm; }
  html { font-size: 9.5pt; }
  main, header, footer { max-width: none; padding-inline: 0; }
  nav, .tools, .skip { display: none !important; }
  h2 { margin-top: 8mm; }
  h2, h3, summary { break-after: avoid; }
  thead { display: table-header-group; }
  tr, ul.checks > li, dl.facts > div { break-inside: avoid; }
  li.image { break-inside: auto; border-width: 1px 0 0; border-radius: 0; padding: 2mm 0; margin: 0; }
  li.image[hidden] { display: list-item; }
  li.image > h3, .measures, .bar { break-inside: avoid; break-after: avoid; }
  .bar, .bar rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible !important; block-size: auto !important; }
  summary { list-style: none; }
  summary::-webkit-details-marker { display: none; }
  a { text-decoration: none; }
  pre { border: 1px solid var(--line); }
  .sign { display: block; break-inside: avoid; margin-top: 10mm; }
  .sign dl { display: grid; grid-template-columns: 32mm 1fr; gap: 7mm 4mm; margin: 5mm 0 0; }
  .sign dd { margin: 0; border-bottom: 1px solid #000; }
}
`;
