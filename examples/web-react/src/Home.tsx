import { useRef, useState, type FormEvent } from "react";
import { Link } from "react-router";
import type { Result } from "tandem-web";

import { Field, Mistake, mistakesOf, type Mistakes } from "./Mistake";
import { subscribe } from "./shop";
import { atMost, reportForm, shown } from "./tandem";

export function Home() {
  const [busy, setBusy] = useState(false);
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const [done, setDone] = useState(false);
  const [result, setResult] = useState<Result | null>(null);
  // The lead is reported once, even if the form is sent again because the shop was unreachable.
  const lead = useRef<Promise<Result | null> | null>(null);
  // What Tandem refused, by the input's name. The visitor is asked once: a value that is sent again is left out of the
  // lead, and the form goes through.
  const refused = useRef<Mistakes>({});

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const element = event.currentTarget, form = new FormData(element);
    const text = (name: string) => String(form.get(name) ?? "");
    const usable = (name: string) => (refused.current[name] === text(name) ? "" : text(name));
    setBusy(true);
    setMistakes({});
    try {
      lead.current ??= reportForm((tandem) => tandem.captureLead({
        firstName: usable("first_name"), email: usable("email"), phone: usable("phone"), contentName: "Kiln letters",
      }));
      lead.current.then(setResult, () => {});
      const found = await atMost(1000, lead.current.then((): Mistakes => ({}), mistakesOf)) ?? {};
      const asked = Object.entries(found).filter(([name]) => form.has(name) && refused.current[name] !== text(name));
      if (Object.keys(found).length) lead.current = null;
      if (asked.length) {
        for (const [name] of asked) refused.current[name] = text(name);
        setMistakes(Object.fromEntries(asked));
        element.querySelector<HTMLInputElement>(`[name=${asked[0]![0]}]`)?.focus();
        return;
      }
      await subscribe(form);
      setDone(true);
    } catch (error) {
      setMistakes(mistakesOf(error));
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
          ? <div id="lead-done" role="status" {...shown(result)}>
              <h2>You are on the list</h2>
              <p>We write when a kiln is opened, five or six times a year.</p>
            </div>
          : <form id="lead-form" onSubmit={submit}>
              <h2>When the next kiln opens</h2>
              <Field label="First name" name="first_name" mistakes={mistakes} autoComplete="given-name" required maxLength={80} />
              <Field label="E-mail" name="email" mistakes={mistakes} type="email" autoComplete="email" required maxLength={200} />
              <Field label="Mobile, if you like" name="phone" mistakes={mistakes} type="tel" autoComplete="tel" maxLength={30} />
              <Mistake text={mistakes[""]} />
              <button id="lead-submit" type="submit" disabled={busy}>Write to me</button>
            </form>}
      </section>
    </main>
  );
}
