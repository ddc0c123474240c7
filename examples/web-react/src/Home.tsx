import { useRef, useState, type FormEvent } from "react";
import { Link } from "react-router";
import type { Result } from "tandem-web";

import { Mistake, messageOf } from "./Mistake";
import { subscribe } from "./shop";
import { reportForm, shown } from "./tandem";

export function Home() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [done, setDone] = useState(false);
  // The lead is reported once, even if the form is sent again because the shop was unreachable.
  const lead = useRef<Result | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    setProblem("");
    try {
      lead.current ??= await reportForm((tandem) => tandem.captureLead({
        firstName: text("first_name"), email: text("email"), phone: text("phone"), contentName: "Kiln letters",
      }));
      await subscribe(form);
      setDone(true);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="split">
      <section>
        <p className="eyebrow">Kiln no. 41 · opened this week</p>
        <h1>Bowls that remember the fire.</h1>
        <p>Thrown in Auroville, glazed with ash from the kitchen stove, fired for two nights. No two are the same,
          and none of them is in a hurry.</p>
        <p><Link className="button" to="/bowl">See the Dusk Bowl</Link></p>
      </section>
      <section className="panel">
        {done
          ? <div id="lead-done" role="status" {...shown(lead.current)}>
              <h2>You are on the list</h2>
              <p>We write when a kiln is opened, five or six times a year.</p>
            </div>
          : <form id="lead-form" onSubmit={submit}>
              <h2>When the next kiln opens</h2>
              <label>First name <input name="first_name" autoComplete="given-name" required maxLength={80} /></label>
              <label>E-mail <input type="email" name="email" autoComplete="email" required maxLength={200} /></label>
              <label>Mobile, if you like <input type="tel" name="phone" autoComplete="tel" maxLength={30} /></label>
              <Mistake text={problem} />
              <button id="lead-submit" type="submit" disabled={busy}>Write to me</button>
            </form>}
      </section>
    </main>
  );
}
