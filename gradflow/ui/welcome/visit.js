// What a browser keeps of Explore for the next visit: its settings, in a cookie, because the server
// reads it before it draws anything.

const NAME = "gradflow_explore";
const SECONDS = 180 * 24 * 3600;
const LONGEST = 2000; // characters

let noted; // the settings that Explore shows

/** Note what Explore shows, and keep it once it is not what the page opened with. */
export function noteSetting(setting) {
  if (location.pathname !== findRoot()) return; // another page's example
  if (noted !== undefined && noted !== setting) keepSetting(setting);
  noted = setting;
}

/** Keep settings for the next visit; none if they are too long for a cookie. */
export function keepSetting(setting = noted) {
  const isShort = setting?.length <= LONGEST;
  const value = `${NAME}=${isShort ? setting : ""}; max-age=${isShort ? SECONDS : 0}`;
  document.cookie = `${value}; path=${findRoot()}; samesite=lax`;
}

function findRoot() {
  return new URL(".", document.baseURI).pathname;
}
