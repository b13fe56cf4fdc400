/** What a normalization changed: it is told, never done silently. */
export interface Changes {
  times: number
  owners: number
  /** Whether members stand in another order now. */
  order: boolean
  /** Fields that only say who packed, and when. */
  extras: number
}

export function noChanges(): Changes {
  return { times: 0, owners: 0, order: false, extras: 0 }
}

export function describeChanges({ times, owners, order, extras }: Changes): string {
  const parts = [
    times > 0 ? `${times} times` : '',
    owners > 0 ? `${owners} owners` : '',
    order ? 'the order of members' : '',
    extras > 0 ? `${extras} extra fields` : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'nothing to change' : `changed ${parts.join(', ')}`
}
