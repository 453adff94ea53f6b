"""Style and script of an explanation's page; colours are the report's (reports/theme.py)."""

from reports import theme

STYLE = f"""
:root{{color-scheme:light;--ink:{theme.INK};--muted:{theme.MUTED};--rule:{theme.RULE};--wash:{theme.WASH};
--teal:{theme.TEAL};--vermilion:{theme.VERMILION}}}
*{{box-sizing:border-box}}
body{{margin:0;background:#fff;color:var(--ink);font:16px/1.55 "IBM Plex Sans","Segoe UI",system-ui,-apple-system,
"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}}
main,header{{max-width:70rem;margin:0 auto;padding:0 1.5rem}}
header{{padding-top:2.2rem}}
h1{{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}}
h2{{font-size:1.12rem;margin:2.4rem 0 .2rem}}
p{{margin:.3rem 0 .6rem;max-width:52rem}}
.file{{color:var(--muted);overflow-wrap:anywhere;margin:0}}
.hash{{font:.72rem/1.4 ui-monospace,"IBM Plex Mono",Menlo,monospace;color:var(--muted);overflow-wrap:anywhere}}
.answer{{border-left:4px solid var(--edge);background:var(--wash);padding:.9rem 1.2rem;margin:1.2rem 0 .4rem}}
.answer p{{margin:0;max-width:none}}.answer .seen{{font-size:1.12rem;font-weight:600}}
.note,.means,small{{color:var(--muted)}}.note{{font-size:.86rem}}
.bar{{position:sticky;top:0;z-index:5;background:#ffffffee;border-bottom:1px solid var(--rule);margin-top:1rem}}
.bar div{{max-width:70rem;margin:0 auto;padding:.5rem 1.5rem;display:flex;gap:1rem;align-items:center;flex-wrap:wrap}}
.bar audio{{flex:1 1 20rem;height:2.4rem;min-width:14rem}}
.bar output{{font-variant-numeric:tabular-nums;font-weight:600;min-width:4.5rem}}
.bar span{{font-size:.82rem;color:var(--muted)}}
figure{{margin:.5rem 0 0}}
.plot{{position:relative;margin:0 0 1.5rem 3.4rem;height:var(--h);cursor:crosshair;background:var(--wash);
border-left:1px solid var(--rule);border-bottom:1px solid var(--rule)}}
.plot>img,.plot>svg{{position:absolute;inset:0;width:100%;height:100%;display:block}}
.plot>img{{image-rendering:auto}}
.plot .head{{position:absolute;top:-4px;bottom:-4px;width:2px;margin-left:-1px;background:var(--ink);left:0;
pointer-events:none;box-shadow:0 0 0 1px #fff}}
.tick{{position:absolute;font-size:.72rem;color:var(--muted);white-space:nowrap;pointer-events:none}}
.tick.y{{right:calc(100% + .45rem);transform:translateY(50%)}}
.tick.x{{top:calc(100% + .15rem);transform:translateX(-50%)}}
.tick.name{{right:calc(100% + 2.2rem);top:50%;transform:rotate(-90deg) translateX(50%);transform-origin:100% 50%}}
.cell{{fill:transparent}}.cell:hover{{fill:#ffffff55;stroke:var(--ink);stroke-width:1.5;vector-effect:non-scaling-stroke}}
.key{{display:inline-flex;gap:.4rem;align-items:center;font-size:.82rem;color:var(--muted);margin-right:1.1rem}}
.key i{{width:.9rem;height:.9rem;border-radius:2px;display:inline-block}}
.key i.line{{height:0;border-top:2px solid;border-radius:0;width:1.3rem;background:none}}
table{{border-collapse:collapse;font-size:.88rem;margin:.4rem 0}}
th,td{{text-align:left;padding:.28rem .9rem .28rem 0;border-bottom:1px solid var(--rule);vertical-align:top}}
th{{font-weight:600;color:var(--muted)}}td.n{{font-variant-numeric:tabular-nums;white-space:nowrap}}
td.no{{color:var(--vermilion);font-weight:600}}
.scroll{{overflow-x:auto}}
.shares td.b{{width:26rem;min-width:12rem}}
.share{{position:relative;height:1rem;background:var(--wash)}}
.share i{{position:absolute;top:0;bottom:0}}.share b{{position:absolute;top:-3px;bottom:-3px;width:1px;left:50%;
background:var(--muted)}}
.near{{display:grid;grid-template-columns:repeat(auto-fit,minmax(19rem,1fr));gap:1.2rem}}
.near h3{{font-size:.95rem;margin:.4rem 0}}.near li{{margin:0 0 .8rem}}.near ol{{padding-left:1.2rem;margin:0}}
.near audio{{width:100%;height:2rem;margin-top:.2rem}}
footer{{max-width:70rem;margin:2.5rem auto;padding:1rem 1.5rem;border-top:1px solid var(--rule);color:var(--muted);
font-size:.86rem}}
@media print{{.bar{{position:static}}audio{{display:none}}h2,figure{{break-inside:avoid}}}}
"""

SCRIPT = """
const sound=document.getElementById("sound"),now=document.getElementById("now");
const first=+document.body.dataset.start,length=+document.body.dataset.seconds;
const plots=[...document.querySelectorAll(".plot")],heads=[...document.querySelectorAll(".head")];
function show(){
  const at=Math.min(sound.currentTime,length);
  for(const head of heads)head.style.left=100*at/length+"%";
  now.textContent=(first+at).toFixed(2)+" s";
  if(!sound.paused)requestAnimationFrame(show);
}
for(const event of ["play","seeked","timeupdate","pause"])sound.addEventListener(event,show);
for(const plot of plots)plot.addEventListener("click",click=>{
  const box=plot.getBoundingClientRect();
  sound.currentTime=Math.max(0,Math.min(length,(click.clientX-box.left)/box.width*length));
  show();
});
document.addEventListener("play",started=>{
  for(const other of document.querySelectorAll("audio"))if(other!==started.target)other.pause();
},true);
show();
"""
