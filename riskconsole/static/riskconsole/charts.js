"use strict";

/* The equity chart of a portfolio: percent from reference, both lines, and the trips. */

(() => {
  const EVERY = { "15m": 2, "1h": 5, "4h": 20, "6h": 20, "1d": 60, "7d": 300, all: 300 };
  const FAR = 1000;

  const box = document.getElementById("chart");
  const ranges = document.getElementById("ranges");
  const { createChart, LineSeries, BaselineSeries } = LightweightCharts;

  let range = ranges.querySelector("[aria-current]").dataset.range;
  let drawnAt = 0;
  let isMoved = false;
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

  /* What stands on the chart in words: both lines, and the trips. */

  const LABEL = `600 11px ${getComputedStyle(document.body).fontFamily}`;
  const PAD = 5;
  let labels = [];
  let trips = [];

  function write(context, text, x, y, name) {
    const width = context.measureText(text).width;
    context.fillStyle = colour("surface", 0.82);
    context.fillRect(x - PAD, y - 8, width + 2 * PAD, 16);
    context.fillStyle = colour(name);
    context.fillText(text, x, y);
  }

  function drawTrip(context, size, { time, text }, row) {
    const x = chart.timeScale().timeToCoordinate(time);
    if (x === null) return;
    context.strokeStyle = colour("trip");
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, size.height);
    context.stroke();
    const width = context.measureText(text).width;
    const isRoom = x + width + 2 * PAD < size.width;
    write(context, text, isRoom ? x + 2 * PAD : Math.max(PAD, x - width - 2 * PAD), 14 + 18 * row, "trip");
  }

  function drawWords(context, size) {
    context.font = LABEL;
    context.textBaseline = "middle";
    for (const { value, text, name } of labels) {
      write(context, text, 14, equity.priceToCoordinate(value) - 11, name);
    }
    trips.forEach((trip, row) => drawTrip(context, size, trip, row));
  }

  const renderer = {
    draw: (target) =>
      target.useMediaCoordinateSpace(({ context, mediaSize }) => drawWords(context, mediaSize)),
  };
  const view = { renderer: () => renderer, zOrder: () => "top" };
  equity.attachPrimitive({ paneViews: () => [view], updateAllViews: () => {} });

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
    const last = ends[1] ?? 0;
    trips = marks.map(({ at, text }) => ({
      time: data.find((point) => point.time >= at)?.time ?? last,
      text,
    }));
    drawLines(limits);
  }

  function drawLines(limits) {
    lines.forEach((line) => equity.removePriceLine(line));
    const looks = { warning: ["warn", "Warning", 2], trip: ["trip", "Trip", 0] };
    const found = Object.entries(limits).map(([key, [value, text]]) => ({
      value: Number(value),
      name: looks[key][0],
      style: looks[key][2],
      text: `${looks[key][1]} ${percent(Number(value))}, ${text}`,
    }));
    labels = found;
    lines = found.map(({ value, name, style }) =>
      equity.createPriceLine({
        price: value,
        color: colour(name),
        axisLabelTextColor: colour("surface"),
        lineStyle: style,
        lineWidth: 1,
      }),
    );
  }

  async function load(isNew) {
    drawnAt = Date.now();
    const answer = await fetch(`${box.dataset.url}?range=${range}`).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    draw(await answer.json());
    if (isNew) isMoved = false;
    if (!isMoved) chart.timeScale().fitContent();
  }

  /* All of a range is shown until the reader pans or zooms. */
  for (const kind of ["wheel", "pointerdown"]) {
    box.addEventListener(kind, () => (isMoved = true), { capture: true, passive: true });
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
