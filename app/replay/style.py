"""The page's style: light and dark as the reader's system is, and ink on white when it is printed."""

STYLE = """\
:root {
  --ground: #fff; --ink: #1b1f24; --quiet: #57606a; --rule: #d0d7de; --band: #f6f8fa;
  --s0: #0b5cad; --s1: #b3400e; --s2: #1a7f37; --s3: #7d3ac1; --s4: #946200; --s5: #b0246b;
  --s6: #0f7680; --s7: #59636e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1318; --ink: #e6edf3; --quiet: #9ea7b3; --rule: #3d444d; --band: #171c23;
    --s0: #6cb6ff; --s1: #ff9a66; --s2: #5fd07d; --s3: #c99bff; --s4: #e3b341; --s5: #ff8cc2; --s6: #58cdd6;
    --s7: #b1bac4;
  }
}
@media print {
  :root {
    --ground: #fff; --ink: #000; --quiet: #333; --rule: #999; --band: #fff;
    --s0: #0b5cad; --s1: #b3400e; --s2: #1a7f37; --s3: #7d3ac1; --s4: #946200; --s5: #b0246b;
  --s6: #0f7680; --s7: #59636e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--rule); padding-bottom: .25rem; }
p, li { max-width: 48rem; }
.lead, .quiet { color: var(--quiet); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.figures div { border: 1px solid var(--rule); border-radius: 6px; padding: .6rem .8rem; background: var(--band); }
.figures dt { color: var(--quiet); font-size: .875rem; }
.figures dd { margin: 0; font-size: 1.125rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0 .5rem; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
thead th { vertical-align: bottom; background: var(--band); min-width: 4.5rem; max-width: 9rem; }
tbody th { font-weight: 500; white-space: nowrap; }
.number { text-align: right; }
td.number { white-space: nowrap; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
figcaption { font-weight: 600; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.25rem; padding: 0; margin: .4rem 0; }
.legend li { font-size: .875rem; max-width: none; }
.key { width: 28px; height: 10px; margin-right: .4rem; vertical-align: middle; }
.chart { display: block; width: 100%; min-width: 46rem; height: auto; }
.chart text { fill: var(--quiet); font: 12px system-ui, sans-serif; text-anchor: middle; }
.chart text.up { text-anchor: end; }
.grid { stroke: var(--rule); stroke-width: 1; }
.zero { stroke: var(--ink); stroke-width: 1.25; }
.line { fill: none; stroke-width: 2.25; }
.series-0 { --c: var(--s0); } .series-1 { --c: var(--s1); } .series-2 { --c: var(--s2); } .series-3 { --c: var(--s3); }
.series-4 { --c: var(--s4); } .series-5 { --c: var(--s5); } .series-6 { --c: var(--s6); } .series-7 { --c: var(--s7); }
.line { stroke: var(--c); } .bar, .dot { fill: var(--c); } .key .line { stroke-width: 5; }
.series-1.line { stroke-dasharray: 9 4; } .series-2.line { stroke-dasharray: 3 3; }
.series-3.line { stroke-dasharray: 12 3 3 3; } .series-4.line { stroke-dasharray: 6 6; }
.series-5.line { stroke-dasharray: 2 5; } .series-6.line { stroke-dasharray: 14 6; }
.series-7.line { stroke-dasharray: 8 3 2 3 2 3; }
.key .line { stroke-dasharray: none; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  body { font-size: 9pt; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  .chart { min-width: 0; max-width: 22cm; }
  table { font-size: 6.5pt; }
  th, td { padding: .1rem .25rem; }
  thead th { min-width: 0; }
  section { break-inside: auto; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
