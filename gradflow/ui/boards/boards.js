// The component of all boards: which of them the page asks for.

import { ChainBoard } from "./chainboard.js";
import { DescentBoard } from "./descentboard.js";
import { NetBoard } from "./netboard.js";

const KINDS = { chain: ChainBoard, network: NetBoard, descent: DescentBoard };

/** What Streamlit calls whenever it has data for a board, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const board = (parentElement.board ??= new KINDS[data.kind](parentElement));
  board.tell = setTriggerValue;
  board.take(data);
  return () => {
    // Also called late for a call that a newer one overtook: then the board stays.
    if (board.box.isConnected) return;
    board.remove();
    delete parentElement.board;
  };
}
