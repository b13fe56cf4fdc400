import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { newBuiltProduct } from './kit.ts'

it('tries', async () => {
  const product = await newBuiltProduct({ run: ['mkdir -p out', 'cp app.txt out/app', 'echo built'], threshold: 2, rebuilders: [{}, { path: '/elsewhere/src' }] })
  if (product === null) return
  try {
    await product.commit('one')
    const first = await product.publishBuild('1.0.0')
    console.log(first)
    console.log(await product.build('attest', '--source', `file://${product.folder}`))
    for (const each of product.rebuilders) console.log(await each.run('--once', '1.0.0'))
    console.log(await product.build('staple'))
  } finally { await product.remove() }
})
