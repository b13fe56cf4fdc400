/** The media types of this project's files and of what it borrows, verbatim as they stand in the files. */
export const mediaTypes = {
  /** A log entry: a Sigstore bundle (docs/formats.md §1). */
  entry: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  /** What an entry's DSSE envelope carries: an in-toto Statement. */
  statement: 'application/vnd.in-toto+json',
  /** docs/formats.md §3 */
  updateBundle: 'application/vnd.samebits.update+json;version=1',
  /** docs/formats.md §5 */
  evidence: 'application/vnd.samebits.evidence+json;version=1',
  /** docs/decision.md, "State" */
  state: 'application/vnd.samebits.state+json;version=1',
} as const
