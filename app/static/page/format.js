// Figures as text. Money stays the decimal string that came: it is grouped and trimmed, never made a float.

/** "4800.500000" as "4,800.50": exact, at least two decimals where there are any. */
export function money(text) {
  if (text === null || text === undefined) return "none";
  const [, sign, whole, fraction] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text)) ?? [];
  if (whole === undefined) return String(text);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  if (fraction === undefined) return `${sign}${grouped}`;
  const kept = fraction.replace(/0+$/, "");
  return `${sign}${grouped}.${kept.length < 2 ? fraction.slice(0, 2) : kept}`;
}

/** 0.6 as "60 %". */
export function percent(share) {
  if (share === null || share === undefined) return "none";
  return `${significant(share * 100, 4)} %`;
}

/** A number with so many significant digits, without trailing zeros. */
export function significant(number, digits = 6) {
  if (number === null || number === undefined) return "none";
  if (number !== 0 && (Math.abs(number) >= 1e15 || Math.abs(number) < 1e-6))
    return Number(number.toPrecision(digits)).toString();
  return Number(number.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 12 });
}

export const count = (number) => number.toLocaleString("en-US");

/** An axis label: 12,300,000 as "12.3M". */
export const short = (number) =>
  new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 }).format(number);

const SHORT = { ptsr: "PTSR", pmr: "PMR", ltv: "LTV", cvar: "CVaR", var: "VaR" };

/** "max_haircut" as "Max haircut", "cvar_after" as "CVaR after". */
export function words(name) {
  const text = name.replace(/[_-]/g, " ").replace(/\b(ptsr|pmr|ltv|cvar|var)\b/g, (one) => SHORT[one]);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether a value of an answer is money: a decimal string. */
export const isMoney = (value) => typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
