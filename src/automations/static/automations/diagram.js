// Makes diagrams larger and smaller, by buttons, by Ctrl and the wheel, and lets them be dragged.
// Without this file they are shown in full size and can be scrolled, and nothing is missing.

const LEAST = 0.2, MOST = 3, STEP = 1.25;

for (const part of document.querySelectorAll("[data-atm-picture]")) start(part);
// A part of the page that is fetched anew brings a new picture.
new MutationObserver(() => {
  for (const part of document.querySelectorAll("[data-atm-picture]:not([data-atm-ready])")) start(part);
}).observe(document.body, { childList: true, subtree: true });

function start(part) {
  part.dataset.atmReady = "";
  const frame = part.querySelector(".atm-picture-frame");
  const svg = frame.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  let scale = 1;

  const zoom = (to) => {
    const before = scale;
    scale = Math.min(MOST, Math.max(LEAST, to));
    const middle = [frame.scrollLeft + frame.clientWidth / 2, frame.scrollTop + frame.clientHeight / 2];
    svg.setAttribute("width", width * scale);
    svg.setAttribute("height", height * scale);
    frame.scrollLeft = (middle[0] * scale) / before - frame.clientWidth / 2;
    frame.scrollTop = (middle[1] * scale) / before - frame.clientHeight / 2;
  };

  const act = {
    in: () => zoom(scale * STEP),
    out: () => zoom(scale / STEP),
    fit: () => zoom(Math.min(1, frame.clientWidth / width)),
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
    act[event.deltaY < 0 ? "in" : "out"]();
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
}
