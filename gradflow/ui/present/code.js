// The QR code of a link: small in a corner of a presentation, and large on demand.

import { addButton, addElement } from "./elements.js";

const LOCAL = /^(localhost|.*\.localhost|127\..*|0\.0\.0\.0|\[::1?\])$/;

export class Code {
  /**
   * @param {HTMLElement} parent where the small one stands
   * @param {object} words what it says
   * @param {string} route answers with the picture of a link
   */
  constructor(parent, words, route) {
    this.words = words;
    this.route = route;
    this.small = addButton(parent, "gf-code-small", "", () => this.toggle());
    this.box = addElement(parent, "dialog", "gf-code");
    this.picture = addElement(this.box, "div", "gf-code-picture");
    this.picture.setAttribute("role", "img");
    const side = addElement(this.box, "div", "gf-code-words");
    addElement(side, "strong", "", words.link);
    this.link = addElement(side, "a", "");
    this.note = addElement(side, "p", "gf-code-note");
    this.note.hidden = !LOCAL.test(location.hostname);
    this.note.textContent = words.local
      .replaceAll("{host}", location.hostname)
      .replace("{port}", location.port);
    addButton(side, "gf-button", words.close, () => this.close()).autofocus = true;
    this.box.addEventListener("click", ({ target }) => target === this.box && this.close());
  }

  get isOpen() {
    return this.box.open;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.box.showModal();
  }

  close() {
    this.box.close();
  }

  /** Show the code of another link. */
  async show(link) {
    if (link === this.address) return;
    this.address = link;
    this.link.href = link;
    this.link.textContent = link;
    for (const place of [this.picture, this.small]) {
      place.setAttribute("aria-label", `${this.words.link}: ${link}`);
    }
    const svg = await this.fetch(link);
    if (link !== this.address) return;
    for (const place of [this.picture, this.small]) {
      place.innerHTML = svg; // our own server's, with nothing of the link in it
      place.firstElementChild?.setAttribute("aria-hidden", true);
      if (!svg) place.textContent = this.words.failed;
    }
  }

  async fetch(link) {
    try {
      const address = `${this.route}?link=${encodeURIComponent(link)}`;
      const answer = await fetch(new URL(address, document.baseURI).href);
      return answer.ok ? await answer.text() : "";
    } catch {
      return ""; // no connection: Streamlit says so
    }
  }
}
