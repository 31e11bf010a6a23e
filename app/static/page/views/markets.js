// Contracts needed and closed, a market a pair of bars.

import { axis, chart, legend, tooltip } from "../chart.js";
import { money, short } from "../format.js";

export const DRAWN = 20; // markets

/** `markets` are {market, side, needed, closed}; `closed` is what the second bar is called. */
export function marketsChart(markets, label, closed = "closed") {
  const drawn = markets.slice(0, DRAWN);
  const bars = (name, key, fill) => ({
    name,
    type: "bar",
    data: drawn.map((one) => ({ value: Number(one[key]), text: one[key] })),
    itemStyle: { color: fill },
  });
  const option = (theme) => ({
    legend: legend(theme),
    grid: { left: 8, right: 24, top: 40, bottom: 40, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ seriesName, name: market, data }) => `${market}\n${seriesName}: ${money(data.text)} contracts`,
    },
    xAxis: axis(theme, { type: "value", name: "Contracts", nameGap: 26, axisLabel: { formatter: short } }),
    yAxis: axis(theme, { type: "category", inverse: true, data: drawn.map(({ market, side }) => `${market}, ${side}`) }),
    series: [bars("needed", "needed", theme.soft), bars(closed, "closed", theme.colors[0])],
  });
  return chart({ label, height: 90 + 56 * drawn.length, option });
}
