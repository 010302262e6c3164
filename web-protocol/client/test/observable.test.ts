import { expect, test } from "vitest";

import { Subject } from "../src/observable.js";

test("listeners hear of later values only, and only of other ones", () => {
  const subject = new Subject(1);
  const heard: number[] = [];
  const stop = subject.subscribe((value) => heard.push(value));
  subject.set(1);
  subject.set(2);
  subject.set(2);
  stop();
  subject.set(3);
  expect(heard).toEqual([2]);
  expect(subject.value).toBe(3);
});

test("the same listener twice is two subscriptions", () => {
  const subject = new Subject(1);
  const heard: number[] = [];
  const listener = (value: number): void => {
    heard.push(value);
  };
  const stop = subject.subscribe(listener);
  subject.subscribe(listener);
  stop();
  subject.set(2);
  expect(heard).toEqual([2]);
});

test("a listener that throws stops neither the others nor the caller", () => {
  const subject = new Subject(1);
  const original = console.error;
  const reported: unknown[] = [];
  console.error = (error: unknown) => reported.push(error);
  subject.subscribe(() => {
    throw new Error("of the application");
  });
  const heard: number[] = [];
  subject.subscribe((value) => heard.push(value));
  subject.set(2);
  console.error = original;
  expect(heard).toEqual([2]);
  expect(reported).toHaveLength(1);
});
