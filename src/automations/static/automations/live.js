// Keeps parts of a page up to date: each element with data-atm-live is fetched again from that
// address every data-atm-seconds, and replaced by the element with the same id in the answer.
// Without this file the pages show what was so when they were opened, and nothing is missing.

const parts = [...document.querySelectorAll("[data-atm-live]")];
const button = document.querySelector("[data-atm-pause]");
let paused = false;

// What the site has sent last: other scripts may have changed what is shown of it.
const sent = new Map();

// The token against forged requests is another one each time, and no news.
const withoutTokens = (part) =>
  part.innerHTML.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1");

// A list to choose one from begins at its first entry if the page marks none.
const begins = (select) =>
  Math.max(0, [...select.options].findIndex((option) => option.defaultSelected));

const isChanged = (field) => {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "select-one") return field.selectedIndex !== begins(field);
  if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
};

// Nothing is taken from under the hands of who reads, chooses or types here.
const isInUse = (part) =>
  part.contains(document.activeElement) ||
  part.querySelector("details[open]") !== null ||
  [...part.querySelectorAll("input:not([type=hidden], [type=submit]), textarea, select")].some(isChanged);

async function refresh(part) {
  if (paused || document.hidden || isInUse(part)) return true;
  const answer = await fetch(part.dataset.atmLive, { credentials: "same-origin", cache: "no-store" });
  // Logged out, or no longer allowed: what is shown stays, and nobody asks again.
  if (answer.redirected || (answer.status >= 400 && answer.status < 500)) return false;
  if (!answer.ok) return true;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const news = page.getElementById(part.id);
  if (!news) return false;
  if (!paused && !isInUse(part) && withoutTokens(news) !== sent.get(part)) {
    sent.set(part, withoutTokens(news));
    part.replaceChildren(...document.adoptNode(news).childNodes);
  }
  // What has come to its end says so by having no address any more.
  return news.hasAttribute("data-atm-live");
}

async function keepFresh(part) {
  // A network that is away for a while is asked again.
  const goesOn = await refresh(part).catch(() => true);
  if (goesOn) setTimeout(keepFresh, 1000 * part.dataset.atmSeconds, part);
}

for (const part of parts) {
  sent.set(part, withoutTokens(part));
  setTimeout(keepFresh, 1000 * part.dataset.atmSeconds, part);
}

if (button && parts.length) {
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
  });
}
