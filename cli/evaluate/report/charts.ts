// Charts as SVG. They are built into this package: installed, the library of charts would be 60 MB.
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, SVGRenderer]);

const WIDTH = 720;
const INK = '#1f2937';
const OWN = '#2563eb';
const RANGE = '#bfdbfe';
const OTHERS = '#d97706';

function draw(height: number, option: object): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({ animation: false, backgroundColor: '#ffffff', textStyle: { color: INK }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

export interface Bar {
  name: string;
  value: number;
  low: number;
  high: number;
  /** Published scores of the same. */
  published: number[];
}

const ROW = 34;
const AROUND = 80;

/** A row each: the score, its interval, and what was published. */
export function scoreChart(bars: readonly Bar[], unit: string): string {
  const rows = bars.toReversed();
  const some = rows.some(({ published }) => published.length > 0);
  const most = Math.max(...rows.flatMap(({ high, published }) => [high, ...published]));
  return draw(AROUND + ROW * rows.length, {
    legend: { top: 4, itemGap: 40, data: some ? ['measured', 'published'] : ['measured'] },
    grid: { left: 150, right: 24, top: 36, bottom: 40 },
    xAxis: {
      type: 'value',
      name: unit,
      nameLocation: 'middle',
      nameGap: 26,
      min: 0,
      max: Math.max(100, Math.ceil(most)),
    },
    yAxis: { type: 'category', data: rows.map(({ name }) => name), axisLabel: { width: 135, overflow: 'truncate' } },
    series: [
      // A range is what is between an invisible bar and the top of the one on it.
      {
        type: 'bar',
        stack: 'range',
        silent: true,
        itemStyle: { color: 'transparent' },
        data: rows.map(({ low }) => low),
      },
      {
        ...{ type: 'bar', stack: 'range', barWidth: 8, itemStyle: { color: RANGE } },
        data: rows.map(({ low, high }) => high - low),
      },
      {
        ...{ name: 'measured', type: 'scatter', symbolSize: 10, itemStyle: { color: OWN } },
        data: rows.map(({ value }, i) => [value, i]),
      },
      {
        ...{ name: 'published', type: 'scatter', symbol: 'diamond', symbolSize: 10, itemStyle: { color: OTHERS } },
        data: rows.flatMap(({ published }, i) => published.map((value) => [value, i])),
      },
    ],
  });
}

export interface Line {
  name: string;
  points: [number, number][];
}

export function lineChart(x: string, y: string, lines: readonly Line[]): string {
  return draw(380, {
    legend: { top: 4, itemGap: 40 },
    grid: { left: 60, right: 24, top: 40, bottom: 50 },
    xAxis: { type: 'value', name: x, nameLocation: 'middle', nameGap: 28, min: 0, max: 1 },
    yAxis: { type: 'value', name: y, nameLocation: 'middle', nameGap: 38, min: 0, max: 1 },
    series: lines.map(({ name, points }) => ({ name, type: 'line', showSymbol: false, data: points })),
  });
}

export interface Point {
  name: string;
  x: number;
  y: number;
  low: number;
  high: number;
}

/** The axis of scores begins and ends at a multiple of this, and has as many parts. */
const STEP = 5;
const COLOURS = ['#2563eb', '#d97706', '#16a34a', '#dc2626', '#7c3aed', '#0891b2', '#db2777', '#4d7c0f'];
/** Names of points that are nearer than this share of the axis stand above each other. */
const NEAR = 0.09;
const LINE_HEIGHT = 14;

/** How many names are below that of each point. */
function levels(points: readonly Point[]): number[] {
  const near = NEAR * Math.max(...points.map(({ x }) => x));
  const order = [...points.keys()].sort((a, b) => (points[a] as Point).x - (points[b] as Point).x);
  const found: number[] = [];
  for (const [place, i] of order.entries()) {
    const before = order[place - 1];
    const beside = before !== undefined && (points[i] as Point).x - (points[before] as Point).x < near;
    found[i] = beside ? (found[before] as number) + 1 : 0;
  }
  return found;
}

/** Scores against a size or a speed, each with its name and its interval. */
export function pointChart(x: string, y: string, points: readonly Point[]): string {
  const [least, most] = [Math.min(...points.map(({ low }) => low)), Math.max(...points.map(({ high }) => high))];
  const [min, max] = [Math.floor(least / STEP) * STEP, Math.ceil(most / STEP) * STEP];
  const level = levels(points);
  return draw(380, {
    grid: { left: 60, right: 60, top: 24, bottom: 50 },
    xAxis: { type: 'value', name: x, nameLocation: 'middle', nameGap: 28, min: 0 },
    yAxis: {
      ...{ type: 'value', name: y, nameLocation: 'middle', nameGap: 38 },
      ...{ min, max, interval: (max - min) / STEP },
    },
    series: [
      ...points.map(({ x, low, high }) => ({
        ...{ type: 'line', silent: true, z: 1, symbol: 'none', lineStyle: { color: RANGE, width: 5 } },
        data: [
          [x, low],
          [x, high],
        ],
      })),
      {
        ...{ type: 'scatter', z: 3, symbolSize: 11 },
        data: points.map(({ name, x, y }, i) => {
          const color = COLOURS[i % COLOURS.length];
          const label = { show: true, position: 'top', formatter: '{b}', distance: 5 + LINE_HEIGHT * (level[i] ?? 0) };
          return { name, value: [x, y], itemStyle: { color }, label: { ...label, color } };
        }),
      },
    ],
  });
}
