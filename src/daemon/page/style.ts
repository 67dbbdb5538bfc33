/** Everything that the page looks like: one column of cards and tables, light or dark as the reader has it. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--edge:#d8dde4;--text:#1c2127;--soft:#565f6b;--line:#2b62c4;--well:#1a7440;--partly:#8a5300;--failed:#b3261e;--unknown:#606a76;--bar:#2e9c5c;--dim:#b9c1cb}
@media (prefers-color-scheme:dark){:root{--page:#10141a;--card:#181e26;--edge:#303945;--text:#e4e9ef;--soft:#a3aebb;--line:#86b0ff;--well:#5fd08f;--partly:#f0b84a;--failed:#ff8a80;--unknown:#a3aebb;--bar:#3fae70;--dim:#4a5564}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
#top,main,footer{max-width:72rem;margin:0 auto;padding:0 1rem}
#top{display:grid;grid-template-columns:auto 1fr;align-items:center;column-gap:1rem;padding-top:1.25rem}
h1{margin:0;font-size:1.5rem;letter-spacing:-.01em}
h2{margin:2.25rem 0 .5rem;font-size:1.125rem}
h3{margin:0;font-size:.9375rem;overflow-wrap:anywhere}
p{margin:.25rem 0}
small,.small,.hint,.facts,.since,.none,footer{color:var(--soft);font-size:.8125rem;font-weight:400}
.facts,.flaws{grid-column:1/-1}
.verdict{justify-self:start;padding:.125rem .75rem;border:1px solid;border-radius:1rem;background:var(--card)}
.mark{font-weight:600}
.well{color:var(--well)}.partly{color:var(--partly)}.failed{color:var(--failed)}.unknown{color:var(--unknown)}
.flaws{margin:.5rem 0 0;padding:.5rem 1rem .5rem 2rem;background:var(--card);border:1px solid var(--edge);border-left:4px solid var(--partly);border-radius:.375rem}
.cards,.stores{display:grid;gap:.75rem}
.cards{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}
.stores{grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr))}
.card{min-width:0;padding:.75rem 1rem;background:var(--card);color:var(--text);border:1px solid var(--edge);border-radius:.5rem}
.card.failed{border-left:4px solid var(--failed)}.card.partly,.card.warns{border-left:4px solid var(--partly)}
.cards h3{color:var(--soft)}
.big{margin:0;font-size:1.5rem;font-weight:600;line-height:1.3}
svg{display:block;width:100%;margin:.375rem 0}
.line{height:2.25rem}
.line path{fill:none;stroke:var(--line);stroke-width:1.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.line .base{stroke:var(--edge);stroke-width:1}
.bar{height:1.25rem;border-bottom:1px solid var(--edge)}
.bar path{fill:none;stroke:var(--dim)}
.bar .well{stroke:var(--bar)}.bar .partly{stroke:var(--partly)}.bar .failed{stroke:var(--failed)}
.trouble{display:block;overflow-wrap:anywhere;font-size:.875rem}
.servers{margin:.25rem 0;padding:0;list-style:none;font-size:.875rem;overflow-wrap:anywhere}
.servers li{padding:.25rem 0;border-top:1px solid var(--edge)}
.scroll{margin:.75rem 0;overflow-x:auto;background:var(--card);border:1px solid var(--edge);border-radius:.5rem}
table{width:100%;border-collapse:collapse;font-size:.875rem}
caption{padding:.5rem 1rem;text-align:left;color:var(--soft);font-size:.8125rem}
th,td{padding:.375rem 1rem;border-top:1px solid var(--edge);text-align:left;vertical-align:top;font-weight:400;white-space:nowrap}
td:last-child{min-width:22rem;white-space:normal;overflow-wrap:anywhere}
td.n,th.n{min-width:0;text-align:right}
thead th{color:var(--soft);font-size:.8125rem}
tbody th{font-weight:600}
code,.key{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.8125rem}
.key{overflow-wrap:anywhere}
td:has(.key){min-width:14rem;white-space:normal}
form{display:flex;flex-wrap:wrap;gap:.75rem;align-items:end}
form p{margin:0}form p:first-child{flex:1 1 16rem}
label{display:block;color:var(--soft);font-size:.8125rem}
input,select,button{width:100%;min-height:2.5rem;padding:.375rem .75rem;font:inherit;color:var(--text);background:var(--card);border:1px solid var(--unknown);border-radius:.375rem}
button{color:var(--page);background:var(--line);border-color:var(--line);font-weight:600;cursor:pointer}
a{color:var(--line)}
:focus-visible{outline:2px solid var(--line);outline-offset:2px}
.result{margin:.75rem 0;padding:.75rem 1rem;background:var(--card);border:1px solid var(--edge);border-radius:.5rem;overflow-wrap:anywhere}
.steps ol{list-style:none;padding-left:1rem}
.about{display:inline-block;min-width:5rem;color:var(--soft)}
.mistake,#old:not(:empty){padding:.5rem 1rem;background:var(--card);border:1px solid var(--edge);border-left:4px solid var(--failed)}
#old:not(:empty){position:sticky;top:0;margin:0}
footer{padding-bottom:2rem;margin-top:2rem}
`;
