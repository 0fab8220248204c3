// Numbers in hovers as everywhere else: 5.2·10⁻⁷ and 51,200, where d3 writes 5.20e-7 and 5.12e+4.

/** Have the hovers of a graph write numbers of the formats ".3g", ".4~g" and so on our way. */
export function writeNumbersOurWay(plot) {
  plot.on("plotly_beforehover", () => {
    const locale = plot._fullLayout._d3locale; // Plotly makes a new one with each figure
    if (locale.isOurs) return true;
    const { numberFormat } = locale;
    locale.numberFormat = (format) => {
      const digits = /^\.(\d+)~?g$/.exec(format)?.[1];
      return digits ? (value) => formatNumber(value, Number(digits)) : numberFormat(format);
    };
    locale.isOurs = true;
    return true;
  });
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
