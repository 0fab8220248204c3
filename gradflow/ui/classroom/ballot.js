// The page on a phone: what the class is asked, and one tap to predict.

import { addButton, addElement } from "./elements.js";
import { drawSketch } from "./sketch.js";

const PERIOD = 2500; // milliseconds between two questions whether there is something new
const JITTER = 1000; // the same, at random, so that two hundred phones do not ask at once

const words = JSON.parse(document.body?.dataset.words ?? "null");
const find = (id) => document.getElementById(id);
let state;
let own = "";

async function follow() {
  if (!document.hidden) await ask();
  setTimeout(follow, PERIOD + JITTER * Math.random());
}

async function ask() {
  const query = new URLSearchParams({ class: words.code, seen: state?.head.version ?? "" });
  try {
    const answer = await fetch(`ballot?${query}`);
    if (answer.status === 404) return end();
    if (answer.status === 204) return say();
    if (!answer.ok) throw new Error(answer.status);
    state = await answer.json();
    own = state.head.mine;
    draw();
  } catch {
    find("said").textContent = words.lost;
  }
}

function end() {
  state = undefined;
  find("choices").replaceChildren();
  find("title").textContent = document.title;
  find("question").textContent = "";
  find("axes").textContent = "";
  find("said").textContent = words.code ? words.over : "";
  document.querySelector("form").hidden = false;
}

function draw() {
  const { ballot } = state;
  document.querySelector("form").hidden = true;
  const choices = find("choices");
  choices.replaceChildren();
  find("title").textContent = ballot?.title ?? document.title;
  find("question").textContent = ballot?.question ?? "";
  find("axes").textContent = ballot?.kind === "curves" ? ballot.axes : "";
  for (const choice of ballot?.choices ?? []) {
    const button = addButton(choices, "", "", () => vote(choice.code));
    button.dataset.code = choice.code;
    if (ballot.kind !== "curves") {
      button.textContent = choice.label;
      continue;
    }
    button.setAttribute("aria-label", `${choice.label}: ${choice.alt}`);
    addElement(button, "span", "letter", choice.label);
    drawSketch(button, [{ points: choice.points }], ballot.ends, ballot.level);
  }
  mark();
  say();
}

function mark() {
  for (const button of find("choices").children) {
    button.setAttribute("aria-pressed", button.dataset.code === own);
    button.disabled = !state.head.open;
    button.classList.toggle("right", !state.head.open && isRight(button.dataset.code));
  }
}

function isRight(code) {
  return state.ballot?.right?.includes(code) ?? false;
}

function say() {
  if (!state) return;
  const { ballot, head } = state;
  const name = (code) => ballot.choices.find((choice) => choice.code === code)?.label ?? "";
  let said = words.wait;
  if (ballot && head.open) said = own ? words.sent : words.choose;
  else if (ballot?.right?.length) {
    const result = isRight(own)
      ? words.right
      : words.wrong.replace("{right}", ballot.right.map(name).join(", "));
    said = `${own ? result : words.closed} ${ballot.answer ?? ""}`;
  }
  if (find("said").textContent !== said) find("said").textContent = said;
}

async function vote(choice) {
  const { question } = state.ballot;
  const before = own;
  own = choice;
  mark();
  const body = JSON.stringify({ class: words.code, question: state.ballot.code, choice });
  try {
    const answer = await fetch("vote", { method: "POST", body });
    if (answer.ok) return say();
  } catch {
    // said below
  }
  if (state?.ballot?.question === question) own = before;
  mark();
  find("said").textContent = words.failed;
  state.head.version = ""; // something else may be asked by now
}

if (words?.code) follow();
else if (words) end();
