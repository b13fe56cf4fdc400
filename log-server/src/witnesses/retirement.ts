/**
 * When the witnesses of before need not be asked any more: every product's trust file in force takes what the others sign, and
 * the bundle of every trust step is kept, each under a checkpoint that the policy before it accepted.
 */
export interface Retirement {
  /** Once true it stays so. */
  readonly isOver: boolean
  /** Looks once more; never rejects. */
  look(): Promise<void>
}

export interface RetirementParts {
  readonly isDue: () => Promise<boolean>
  readonly over: () => void
  readonly failed: (error: unknown) => void
}

export function retirement({ isDue, over, failed }: RetirementParts): Retirement {
  let isOver = false
  let looking: Promise<void> | null = null
  const look = async () => {
    try {
      if (isOver || !(await isDue())) return
      isOver = true
      over()
    } catch (error) {
      failed(error)
    } finally {
      looking = null
    }
  }
  return {
    get isOver() {
      return isOver
    },
    look() {
      looking ??= look()
      return looking
    },
  }
}
