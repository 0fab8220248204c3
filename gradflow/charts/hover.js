// Numbers in hovers as everywhere else: 5.2·10⁻⁷ and 51,200, where d3 writes 5.20e-7 and 5.12e+4.

/** Have the hovers of a graph write numbers of the formats ".3g", ".4~g" and so on our way.
 *
 * "P^.3g" is that of a power of ten, which is given by its exponent.
 */
export function writeNumbersOurWay(plot) {
  plot.on("plotly_beforehover", () => {
    const locale = plot._fullLayout._d3locale; // Plotly makes a new one with each figure
    if (locale.isOurs) return true;
    const { numberFormat } = locale;
    locale.numberFormat = (format) => {
      const [, isPower, digits] = /^(P\^)?\.(\d+)~?g$/.exec(format) ?? [];
      if (!digits) return numberFormat(format);
      return (value) => formatNumber(isPower ? 10 ** value : value, Number(digits));
    };
    locale.isOurs = true;
    return true;
  });
}

/** Have the hovers of a figure, 10<sup>−3.4</sup> elsewhere, write the power's value: 3.98·10⁻⁴. */
export function writeOutPowers({ data, layout }) {
  const write = (template) => template.replace(POWER, "%{$1:P^.3g}");
  for (const trace of data) {
    if (typeof trace.hovertemplate === "string") trace.hovertemplate = write(trace.hovertemplate);
  }
  for (const { unifiedhovertitle: title } of Object.values(layout)) {
    if (title?.text) title.text = write(title.text);
  }
}

const POWER = /10<sup>%\{(\w+):\.\d+f\}<\/sup>/g;

/** Have the ticks that Plotly writes as 2×10⁻⁷ say 2·10⁻⁷, and 10⁻⁷ for 1×10⁻⁷. */
export function writeTicksOurWay(plot) {
  for (const text of plot.querySelectorAll(".xtick text, .ytick text, .cbaxis text")) {
    const [first] = text.childNodes;
    if (/[x×]10$/.test(first?.data)) {
      first.data = first.data.replace(/(^|\D)1[x×]10$/, "$110").replace(/[x×]10$/, "·10");
    }
  }
}

/** Write a number as `format_number` of core/numbers.py does. */
export function formatNumber(value, digits = 3) {
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size === Infinity) return `${sign}∞`;
  if (size < 1e6 && Number.isInteger(size)) return sign + group(String(size));
  const [mantissa, power] = size.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent > -4 && exponent < 6) {
    const rounded = Number(`${mantissa}e${exponent}`);
    return sign + group(trimZeros(rounded.toFixed(Math.max(0, digits - 1 - exponent))));
  }
  const ten = `10${[...String(exponent)].map((digit) => SUPERSCRIPTS[digit]).join("")}`;
  const factor = trimZeros(mantissa);
  return sign + (factor === "1" ? ten : `${factor}·${ten}`);
}

const SUPERSCRIPTS = Object.fromEntries([..."-0123456789"].map((c, i) => [c, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"[i]]));

function trimZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function group(text) {
  const [whole, ...rest] = text.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}
