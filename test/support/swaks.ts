/** What the mail server replied to each RCPT, by what swaks printed. */
export function repliesOf(transcript: string): string[] {
  return [...transcript.matchAll(/^ -> RCPT TO:.*\n<\S* +(.*)/gm)].map(([, reply]) => reply as string);
}
