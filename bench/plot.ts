/** Small line plots over the size of a log, one beside the other, as SVG: sizes on a logarithmic axis, values from zero up. */
import { number } from './report.ts'

export interface Panel {
  readonly title: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

const [width, height, gap] = [230, 150, 56]
const top = 40

export function plot(panels: readonly Panel[]): string {
  const [whole, tall] = [panels.length * (width + gap) + gap / 2, height + top + 44]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole}" height="${tall}" viewBox="0 0 ${whole} ${tall}" font-family="sans-serif" font-size="12">`,
    `<title>${panels.map(({ title }) => title).join('; ')}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...panels.flatMap((panel, at) => [
      `<g transform="translate(${gap + at * (width + gap)} ${top})">`,
      ...lines(panel),
      '</g>',
    ]),
    '</svg>\n',
  ].join('\n')
}

function lines({ title, points }: Panel): string[] {
  const decades = points.map(({ x }) => Math.log10(x))
  const [from, to] = [Math.min(...decades), Math.max(...decades)]
  const ceiling = roundUp(1.1 * Math.max(...points.map(({ y }) => y)))
  const placed = points.map(({ x, y }) => ({
    x: ((Math.log10(x) - from) / (to - from || 1)) * width,
    y: height - (y / ceiling) * height,
    label: number(y),
    decade: Math.round(Math.log10(x)),
  }))
  return [
    `<text x="0" y="-18" font-weight="bold">${title}</text>`,
    ...[0, 0.5, 1].flatMap((part) => {
      const y = height * (1 - part)
      return [
        `<line x1="0" x2="${width}" y1="${y}" y2="${y}" stroke="#ddd"/>`,
        `<text x="-6" y="${y + 4}" text-anchor="end" fill="#555">${number(ceiling * part)}</text>`,
      ]
    }),
    `<polyline fill="none" stroke="#06c" stroke-width="2" points="${placed.map(({ x, y }) => `${fixed(x)},${fixed(y)}`).join(' ')}"/>`,
    ...placed.flatMap(({ x, y, label, decade }) => [
      `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="3.5" fill="#06c"/>`,
      `<text x="${fixed(x)}" y="${fixed(y - 8)}" text-anchor="middle">${label}</text>`,
      `<text x="${fixed(x)}" y="${height + 18}" text-anchor="middle" fill="#555">10<tspan dy="-5" font-size="9">${decade}</tspan></text>`,
    ]),
    `<text x="${width / 2}" y="${height + 36}" text-anchor="middle" fill="#555">entries</text>`,
  ]
}

const fixed = (value: number) => value.toFixed(1)

/** The next of 1, 2, 5, 10, 20, 50 … */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power
}
