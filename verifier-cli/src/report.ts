/** A report of labelled lines, for people or as JSON. What it quotes is neutralised. */
import { visible } from '@samebits/host'
import { styled } from './screen.ts'
import type { World } from './world.ts'

export interface Section {
  readonly title: string
  readonly rows: readonly (readonly [label: string, text: string])[]
}

export function report(world: World, sections: readonly Section[]): void {
  for (const { title, rows } of sections) {
    world.stdout.write(`${styled(world, 'bold', visible(title))}\n`)
    const width = Math.max(0, ...rows.map(([label]) => label.length))
    for (const [label, text] of rows) world.stdout.write(`  ${visible(label).padEnd(width)}  ${visible(text)}\n`)
  }
}

export function writeJson(world: World, value: unknown): void {
  world.stdout.write(`${JSON.stringify(value)}\n`)
}
