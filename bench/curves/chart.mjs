// Line charts as SVG.
import * as echarts from 'echarts';

/** @param lines points [x, y] by the line's name */
export function chart({ title, x, y, lines }) {
  const drawing = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 640, height: 400 });
  const several = Object.keys(lines).length > 1;
  drawing.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 14 } },
    legend: several ? { top: 36 } : undefined,
    grid: { left: 64, right: 32, top: several ? 76 : 56, bottom: 56 },
    xAxis: { type: 'value', name: x, nameLocation: 'middle', nameGap: 32, min: 0 },
    yAxis: { type: 'value', name: y, nameLocation: 'middle', nameGap: 44, min: 0 },
    series: Object.entries(lines).map(([name, data]) => ({ name, type: 'line', symbolSize: 7, data })),
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return `${svg}\n`;
}
