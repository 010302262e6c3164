import type { Model, NewModel } from "../api/models";

/** What is filled in for a model. */
export interface ModelForm {
  name: string;
  baseUrl: string;
  model: string;
  keyName: string;
  usdPerMillionIn: string;
  usdPerMillionOut: string;
  contextTokens: string;
  outputTokens: string;
  fallbacks: string;
}

const FIRST: ModelForm = {
  name: "",
  baseUrl: "https://api.openai.com/v1",
  model: "",
  keyName: "",
  usdPerMillionIn: "",
  usdPerMillionOut: "",
  contextTokens: "128000",
  outputTokens: "16000",
  fallbacks: "",
};

/** The form for a model, or for a new one. */
export function formOf(model: Model | null): ModelForm {
  if (!model) return FIRST;
  return {
    name: model.name,
    baseUrl: model.baseUrl ?? "",
    model: model.model ?? "",
    keyName: model.keyName ?? "",
    usdPerMillionIn: priceText(model.usdPerMillionIn),
    usdPerMillionOut: priceText(model.usdPerMillionOut),
    contextTokens: String(model.contextTokens),
    outputTokens: String(model.outputTokens),
    fallbacks: model.fallbacks.join(", "),
  };
}

function priceText(price: number | null): string {
  return price === null ? "" : String(price);
}

/** What a form says. An empty price is unknown, and not nothing. */
export function modelOf(form: ModelForm): NewModel {
  return {
    name: form.name.trim(),
    baseUrl: form.baseUrl.trim(),
    model: form.model.trim(),
    keyName: form.keyName.trim() || null,
    usdPerMillionIn: priceOf(form.usdPerMillionIn),
    usdPerMillionOut: priceOf(form.usdPerMillionOut),
    contextTokens: Number(form.contextTokens),
    outputTokens: Number(form.outputTokens),
    fallbacks: form.fallbacks
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean),
  };
}

function priceOf(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}
