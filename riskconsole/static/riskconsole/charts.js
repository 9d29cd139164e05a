"use strict";

/* The equity chart of a portfolio: percent from reference, both lines, and the trips. */

(() => {
  const EVERY = { "15m": 2, "1h": 5, "6h": 20, "1d": 60, "7d": 300, all: 300 };
  const FAR = 1000;

  const box = document.getElementById("chart");
  const ranges = document.getElementById("ranges");
  const { createChart, createSeriesMarkers, LineSeries, BaselineSeries } = LightweightCharts;

  let range = ranges.querySelector("[aria-current]").dataset.range;
  let drawnAt = 0;
  let lines = [];
  let scale = { minValue: -1, maxValue: 1 };

  function colour(name, alpha = 1) {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    box.append(probe);
    const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
    probe.remove();
    return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
  }

  const percent = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)} %`;

  const grouped = (text) => text.replace(/\B(?=(\d{3})+\.)/g, ",");

  const chart = createChart(box, {
    autoSize: true,
    layout: {
      attributionLogo: false,
      background: { color: colour("surface") },
      textColor: colour("text-3"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
    },
    localization: { priceFormatter: percent },
    grid: { vertLines: { color: colour("line") }, horzLines: { color: colour("line") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: true, minBarSpacing: 0.01 },
  });

  const zone = (name, alpha) =>
    chart.addSeries(BaselineSeries, {
      topFillColor1: colour(name, alpha),
      topFillColor2: colour(name, alpha),
      lineVisible: false,
      priceLineVisible: false,
      lastValueVisible: false,
      crosshairMarkerVisible: false,
      autoscaleInfoProvider: () => null,
    });
  const warningZone = zone("warn", 0.1);
  const tripZone = zone("trip", 0.14);
  const equity = chart.addSeries(LineSeries, {
    color: colour("text-2"),
    lineWidth: 2,
    priceLineVisible: false,
    autoscaleInfoProvider: () => ({ priceRange: scale }),
  });
  const markers = createSeriesMarkers(equity, []);

  function draw({ points, lines: limits, marks }) {
    const warning = limits.warning ? Number(limits.warning[0]) : -FAR;
    const trip = limits.trip ? Number(limits.trip[0]) : -FAR;
    const near = { color: colour("warn") };
    const past = { color: colour("trip") };
    const tint = (value) => (value <= trip ? past : value <= warning ? near : {});
    const data = points.map(([time, value]) => ({ time, value: Number(value), ...tint(Number(value)) }));
    const values = data.map((point) => point.value);
    scale = {
      minValue: Math.min(...values, limits.trip ? trip * 1.06 : -0.5),
      maxValue: Math.max(...values, 0.5),
    };
    equity.setData(data);
    const ends = data.length ? [data[0].time, data[data.length - 1].time] : [];
    const flat = (value) => [...new Set(ends)].map((time) => ({ time, value }));
    warningZone.applyOptions({ baseValue: { type: "price", price: trip } });
    tripZone.applyOptions({ baseValue: { type: "price", price: -FAR } });
    warningZone.setData(limits.warning ? flat(warning) : []);
    tripZone.setData(limits.trip ? flat(trip) : []);
    drawLines(limits);
    const last = ends[1] ?? 0;
    markers.setMarkers(
      marks.map(({ at, text }) => ({
        time: data.find((point) => point.time >= at)?.time ?? last,
        position: "aboveBar",
        shape: "square",
        color: colour("trip"),
        text,
      })),
    );
  }

  function drawLines(limits) {
    lines.forEach((line) => equity.removePriceLine(line));
    const looks = { warning: ["warn", "Warning", 2], trip: ["trip", "Trip", 0] };
    lines = Object.entries(limits).map(([name, [value, text]]) =>
      equity.createPriceLine({
        price: Number(value),
        color: colour(looks[name][0]),
        lineStyle: looks[name][2],
        lineWidth: 1,
        title: `${looks[name][1]} ${grouped(text)}`,
      }),
    );
  }

  async function load(isNew) {
    drawnAt = Date.now();
    const answer = await fetch(`${box.dataset.url}?range=${range}`).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    draw(await answer.json());
    if (isNew) chart.timeScale().fitContent();
  }

  ranges.addEventListener("click", (event) => {
    const link = event.target.closest("[data-range]");
    if (!link) return;
    event.preventDefault();
    range = link.dataset.range;
    ranges.querySelector("[aria-current]").removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    history.replaceState(null, "", link.href);
    load(true);
    showTable(false);
  });

  const tableLink = document.getElementById("table-link");
  const table = document.getElementById("chart-table");

  async function showTable(isShown) {
    box.hidden = isShown;
    tableLink.textContent = isShown ? "Show as chart" : "Show as table";
    tableLink.href = `${tableLink.dataset.url}?range=${range}`;
    table.replaceChildren();
    if (isShown) htmx.ajax("GET", tableLink.href, { target: table });
  }

  tableLink.addEventListener("click", (event) => {
    event.preventDefault();
    showTable(!box.hidden);
  });

  let state = null;
  document.addEventListener("riskconsole:refreshed", () => {
    const badge = document.querySelector(".state.big").className;
    const isDue = Date.now() - drawnAt >= 1000 * EVERY[range];
    if (isDue || (state !== null && badge !== state)) load(false);
    state = badge;
  });

  load(true);
})();
