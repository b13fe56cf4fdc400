/** The mode of admission that the options name, for commands that need one. */
import type { Mode } from '../http/modes-http.ts'
import { rawMode } from '../http/modes-http.ts'
import { openMode, productMode } from '../http/product-mode-http.ts'
import type { LogServerOptions } from '../options.ts'
import type { CommandIo } from './io.ts'

export function withMode<R>(
  io: Pick<CommandIo, 'timing'>,
  { mode }: Pick<LogServerOptions, 'mode'>,
  work: <Item, Tables>(mode: Mode<Item, Tables>) => Promise<R>,
): Promise<R> {
  switch (mode) {
    case 'raw':
      return work(rawMode)
    case 'open':
      return work(openMode)
    case 'product':
      return work(productMode(io.timing))
  }
}
