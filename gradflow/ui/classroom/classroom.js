// The presenter's panel: opens a class, shows its code, and the votes as bars while they come in.

import { addButton, addElement } from "./elements.js";

const PERIOD = 500; // milliseconds between two counts
const MOST_BARS = 8; // of many choices, those with the most votes

/** What Streamlit calls whenever it has data, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const panel = (parentElement.panel ??= new Panel(parentElement));
  panel.tell = setTriggerValue;
  panel.update(data);
}

class Panel {
  constructor(parent) {
    this.box = addElement(parent, "section", "gf-class");
    this.votes = {};
  }

  update(data) {
    const drawn = JSON.stringify(data);
    if (drawn === this.drawn) return;
    if (data.question !== this.data?.question) this.votes = {};
    this.drawn = drawn;
    this.data = data;
    this.box.replaceChildren();
    this.box.setAttribute("aria-label", data.label);
    if (data.code) this.build();
    else this.addOpener();
  }

  addOpener() {
    const { start, failed, opener: address } = this.data;
    const opener = addButton(this.box, "gf-button", start, async () => {
      opener.disabled = true;
      try {
        const answer = await fetch(find(address), { method: "POST" });
        if (!answer.ok) throw new Error(answer.status);
        const query = new URLSearchParams(location.search);
        query.set("class", (await answer.json()).code);
        location.search = query; // anew, so that the server learns whose page this is
      } catch {
        opener.disabled = false;
        opener.textContent = failed;
      }
    });
  }

  build() {
    const { code, picture, link, scan, back, next, revealed } = this.data;
    const address = find(link);
    const head = addElement(this.box, "div", "gf-class-head");
    const image = addElement(head, "div", "gf-class-code");
    image.setAttribute("role", "img");
    image.setAttribute("aria-label", scan);
    drawCode(image, `${find(picture)}?link=${encodeURIComponent(address)}`);
    const side = addElement(head, "div", "gf-class-words");
    addElement(side, "strong", "gf-class-letters", code);
    addElement(side, "span", "gf-class-link", address.replace(/^https?:\/\//, ""));
    this.count = addElement(side, "span", "gf-class-count");
    this.count.setAttribute("role", "status");
    this.bars = addElement(this.box, "div", "gf-class-bars");
    const row = addElement(this.box, "div", "gf-class-row");
    if (!revealed) addButton(row, "gf-button", next, () => this.tell("reveal", true));
    addButton(row, "gf-button", back, () => this.tell("close", true));
    this.draw();
    this.follow();
  }

  follow() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      if (!this.box.isConnected || !this.data.code) return;
      await this.ask();
      this.follow();
    }, PERIOD);
  }

  async ask() {
    const { address, question } = this.data;
    try {
      const answer = await fetch(find(address));
      if (!answer.ok) return;
      const counted = await answer.json();
      if (counted.question !== question || question !== this.data.question) return;
      if (JSON.stringify(counted.votes) === JSON.stringify(this.votes)) return;
      this.votes = counted.votes;
      this.draw();
    } catch {
      // no connection: Streamlit says so
    }
  }

  draw() {
    const { choices, right, voted } = this.data;
    const number = ({ code }) => this.votes[code] ?? 0;
    const total = choices.reduce((sum, choice) => sum + number(choice), 0);
    this.count.textContent = voted.replace("{count}", total);
    const ranked = [...choices].sort((a, b) => number(b) - number(a)).slice(0, MOST_BARS);
    const shown = choices.length > MOST_BARS ? ranked.filter(number) : choices;
    this.bars.replaceChildren();
    for (const choice of shown) {
      const bar = addElement(this.bars, "div", "gf-class-bar");
      const mark = right.includes(choice.code) ? " ✓" : "";
      addElement(bar, "span", "gf-class-name", choice.label + mark);
      addElement(bar, "span", "gf-class-number", String(number(choice)));
      const rail = addElement(bar, "span", "gf-class-rail");
      const length = total ? (100 * number(choice)) / total : 0;
      addElement(rail, "span", mark ? "gf-right" : "").style.width = `${length}%`;
    }
  }
}

/** Draw a QR code; without one, the link and the code can still be typed. */
async function drawCode(place, address) {
  try {
    const answer = await fetch(address);
    if (answer.ok) place.innerHTML = await answer.text(); // our own server's
  } catch {
    // no connection: Streamlit says so
  }
}

function find(address) {
  return new URL(address, document.baseURI).href;
}
