"use strict";
// Asks /status once a second and draws the last ten minutes.
const KEEP = 600;
const STATES = ["NEW", "READING", "BUSY", "IDLE", "LINGERING"];
const samples = [];
const latest = () => samples[samples.length - 1];
const iso = time => time ? new Date(time * 1000).toISOString().slice(0, 19) + "Z" : "";
const element = id => document.getElementById(id);
const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const seconds = ms => ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms < 600_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;

function chart(id, series) {
    const parent = element(id);
    let plot;
    function build() {
        if (plot) plot.destroy();
        const axis = {stroke: color("soft"), grid: {stroke: color("line"), width: 1}, ticks: {show: false}};
        plot = new uPlot({
            width: parent.clientWidth, height: 220,
            scales: {y: {range: (self, least, most) => [0, Math.max(4, most * 1.05)]}},
            axes: [{...axis, values: (self, times) => times.map(time => iso(time).slice(11, 19))}, {...axis, size: 56}],
            series: [{label: "time", value: (self, time) => iso(time ?? latest()?.time)}, ...series.map(s => ({
                label: s.label, stroke: color(s.color), width: s.mark ? 0 : 2, dash: s.dash,
                points: s.mark ? {show: true, size: 9, fill: color(s.color)} : {show: false},
                value: (self, value) => value ?? (latest() ? s.value(latest()) ?? 0 : 0)}))]
        }, data(), parent);
    }
    const data = () => [samples.map(s => s.time), ...series.map(s => samples.map(s.value))];
    build();
    return {build, update: () => plot.setData(data())};
}

function rows(body, list) {
    element(body).replaceChildren(...list.map(cells => {
        const row = document.createElement("tr");
        cells.forEach((text, i) => row.appendChild(document.createElement(i ? "td" : "th")).textContent = text);
        return row;
    }));
}

function number(name, value) {
    const box = document.createElement("div");
    box.appendChild(document.createElement("b")).textContent = value;
    box.appendChild(document.createElement("span")).textContent = name;
    return box;
}

function show(status) {
    const level = element("level");
    level.textContent = status.level;
    level.style.background = color(status.level);
    const descriptors = status.descriptors;
    element("sentence").textContent = `${descriptors.used} of ${descriptors.limit} descriptors are open, counted by ${descriptors.probe}; `
        + `${descriptors.reserved} are kept in reserve.` + (status.acceptingPaused ? " Accepting is paused." : ` Accepting was paused ${status.acceptPauses} times.`) + (status.draining ? " Draining." : "");
    element("numbers").replaceChildren(
        number("pressure", `${(100 * status.pressure).toFixed(0)} %`), number("connections open", status.connections.open),
        number("opened", status.connections.opened), number("closed", status.closed.total), number("requests", status.requests),
        number("lost in the race", status.races.total));
    const before = samples[Math.max(0, samples.length - 11)];
    const elapsed = Math.max(1, samples[samples.length - 1].time - before.time);
    rows("closes", Object.entries(status.closed.byReason).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1])
        .map(([reason, count]) => [reason, count, ((count - (before.closed[reason] || 0)) / elapsed).toFixed(1)]));
    rows("idle", (status.connections.longestIdle).map(c => [seconds(c.idleMs) + (c.address ? ` ${c.address}` : ""), seconds(c.ageMs), c.requests, c.state]));
    element("advice").textContent = status.advice;
}

const charts = [
    chart("descriptors", [
        {label: "open", color: "used", value: s => s.used}, {label: "connections", color: "open", value: s => s.open},
        {label: "limit", color: "limit", dash: [6, 4], value: s => s.limit},
        {label: "pauses of accepting", color: "CRITICAL", mark: true, value: s => s.pauses || null}]),
    chart("states", STATES.map(state => ({label: state, color: state, value: s => s.states[state]})))];

let pausesBefore;
async function ask() {
    try {
        const answer = await fetch("status", {cache: "no-store"});
        const status = await answer.json();
        const before = pausesBefore ?? status.acceptPauses;
        pausesBefore = status.acceptPauses;
        samples.push({time: Date.now() / 1000, pauses: status.acceptPauses - before, used: status.descriptors.used, limit: status.descriptors.limit,
            open: status.connections.open, states: status.connections.byState, closed: status.closed.byReason});
        if (samples.length > KEEP) samples.shift();
        show(status);
        charts.forEach(c => c.update());
        document.body.classList.remove("stale");
    } catch (failure) {
        document.body.classList.add("stale");
        const since = latest() ? `What you see is of ${iso(latest().time)}. ` : "";
        element("sentence").textContent = `${since}The server doesn't answer: ${failure.message}`;
    }
    setTimeout(ask, 1000);
}
let width = innerWidth;
addEventListener("resize", () => {
    if (innerWidth !== width) {
        width = innerWidth;
        charts.forEach(c => c.build());
    }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(c => c.build()));
ask();
