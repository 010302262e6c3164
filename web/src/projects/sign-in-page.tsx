import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, messageOf } from "../api/http";
import { signIn } from "../api/queries";
import { session } from "../api/session";
import { navigate } from "../app/router";
import { Button } from "../ui/button";
import { Field, FormError } from "../ui/field";

/** Signs in by name and e-mail, as the server allows in development. */
export function SignInPage({ returnTo }: { returnTo: string }) {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const attempt = useMutation({
    mutationFn: () => signIn(email.trim(), name.trim()),
    onSuccess: (started) => {
      session.start(started);
      navigate(returnTo, "replace");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    attempt.mutate();
  };
  return (
    <main className="grid min-h-full place-items-center p-6">
      <div className="grid w-full max-w-sm gap-6">
        <header className="grid justify-items-center gap-3 text-center">
          <img src="/favicon.svg" alt="" width={48} height={48} />
          <h1 className="text-2xl font-semibold tracking-tight">Sign in to GlassBox</h1>
          <p className="text-sm text-balance text-muted">
            People and agents, working in the same live documents.
          </p>
        </header>
        <form
          onSubmit={submit}
          className="grid gap-4 rounded-2xl border border-line bg-surface p-6 shadow-card"
        >
          <Field
            label="E-mail"
            type="email"
            autoComplete="email"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <Field
            label="Name"
            autoComplete="name"
            hint="How others see you. Leave it empty to keep the name that you have."
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <FormError>{attempt.error && signInMessage(attempt.error)}</FormError>
          <Button type="submit" look="primary" disabled={attempt.isPending} className="h-9">
            {attempt.isPending ? "Signing in…" : "Sign in"}
          </Button>
        </form>
      </div>
    </main>
  );
}

function signInMessage(error: unknown): string {
  if (error instanceof ApiError && error.status === 404) {
    return "This server does not offer sign-in by e-mail: it runs in production mode.";
  }
  return messageOf(error);
}
