// Makes diagrams larger and smaller, by buttons, keys, and Ctrl and the wheel, and lets them be dragged.
// Without this file they are shown in full size and can be scrolled, and nothing is missing.

const LEAST = 0.2, MOST = 3, STEP = 1.25, LEGIBLE = 0.7;
const TELLING = ".failed > .shape, .waiting > .shape, .here > .shape, .startEvent > .shape";
// How each diagram is looked at, which stays so when the page is kept up to date.
const looks = [];

const startAll = () => document.querySelectorAll("[data-atm-picture]").forEach((part, number) => {
  if (!("atmReady" in part.dataset)) start(part, (looks[number] ??= {}));
});
startAll();
new MutationObserver(startAll).observe(document.body, { childList: true, subtree: true });

function start(part, look) {
  part.dataset.atmReady = "";
  const frame = part.querySelector(".atm-picture-frame");
  const svg = frame.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const style = getComputedStyle(frame);
  const least = () => Math.min(1, room("Left", "Right", frame.clientWidth) / width, room("Top", "Bottom", parseFloat(style.maxHeight)) / height);
  const room = (one, other, size) => size - parseFloat(style[`padding${one}`]) - parseFloat(style[`padding${other}`]);

  const show = (scale, x = frame.clientWidth / 2, y = frame.clientHeight / 2) => {
    const before = look.scale ?? 1;
    look.scale = Math.min(MOST, Math.max(Math.min(LEAST, least()), scale));
    const place = [frame.scrollLeft + x, frame.scrollTop + y].map((each) => (each * look.scale) / before);
    svg.setAttribute("width", width * look.scale);
    svg.setAttribute("height", height * look.scale);
    frame.scrollTo(place[0] - x, place[1] - y);
  };

  const act = {
    in: () => show(look.scale * STEP),
    out: () => show(look.scale / STEP),
    fit: () => show(least()),
  };
  part.querySelector(".atm-picture-tools").hidden = false;
  for (const button of part.querySelectorAll("[data-atm-zoom]")) {
    button.addEventListener("click", act[button.dataset.atmZoom]);
  }
  frame.addEventListener("keydown", (event) => {
    const wanted = { "+": "in", "-": "out", 0: "fit" }[event.key];
    if (wanted && !event.ctrlKey && !event.metaKey) act[wanted]();
  });
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const corner = frame.getBoundingClientRect();
    show(look.scale * Math.exp(-event.deltaY / 400), event.clientX - corner.left, event.clientY - corner.top);
  }, { passive: false });

  let from = null;
  frame.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0 && !event.target.closest("a")) {
      from = [event.clientX + frame.scrollLeft, event.clientY + frame.scrollTop];
      frame.setPointerCapture(event.pointerId);
    }
  });
  frame.addEventListener("pointermove", (event) => {
    if (from) frame.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
  });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => (from = null));

  if (look.scale) {
    const { left, top } = look;
    show(look.scale);
    frame.scrollTo(left, top);
  } else {
    // The whole of it if that can be read, else where the run is.
    show(least() < LEGIBLE ? 1 : least());
    const telling = TELLING.split(", ").map((each) => svg.querySelector(each)).find(Boolean);
    if (telling) {
      const [to, corner] = [telling.getBoundingClientRect(), frame.getBoundingClientRect()];
      frame.scrollTo(to.x + to.width / 2 - corner.x - frame.clientWidth / 2, to.y + to.height / 2 - corner.y - frame.clientHeight / 2);
    }
  }
  frame.addEventListener("scroll", () => Object.assign(look, { left: frame.scrollLeft, top: frame.scrollTop }));
  Object.assign(look, { left: frame.scrollLeft, top: frame.scrollTop });
}
