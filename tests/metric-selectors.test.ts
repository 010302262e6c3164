import { expect, it } from "vitest";
import { labelsOf, strangers } from "./metric-selectors";

const LABELS = labelsOf(`
# HELP glassbox_refused Refused
glassbox_refused_total{code="READ_ONLY"} 0
glassbox_refused_total{code="SAVING_BEHIND"} 2
glassbox_requests_bucket{le="0.1",route="/orgs/{orgId}/search",status="200"} 1
glassbox_up 1
`);
const MORE = { status: ["200", "500", "503"] };

it.each([
  'rate(glassbox_refused_total{code="READ_ONLY"}[5m]) > 1',
  'glassbox_refused_total{code!="SAVING_BEHIND", instance=~"$instance"}',
  'glassbox_refused_total{code=~"READ_ONLY|SAVING_.*"}',
  "sum by (instance, code) (rate(glassbox_refused_total[5m]))",
  'histogram_quantile(0.99, sum by (le, route) (rate(glassbox_requests_bucket{route="/orgs/{orgId}/search"}[5m])))',
  'glassbox_requests_bucket{status=~"5.."}',
  'up{job="glassbox"} == 0 or glassbox_up == 1',
])("knows what there is: %s", (expression) => {
  expect(strangers(expression, LABELS, MORE)).toEqual([]);
});

it.each([
  ['glassbox_refused_total{code="READONLY"}', 'glassbox_refused_total{code="READONLY"}'],
  ['1 + glassbox_refused_total{code!="SAVING"}', 'glassbox_refused_total{code!="SAVING"}'],
  ['glassbox_refused_total{code=~"READ_ONLY|SAVING"}', 'glassbox_refused_total{code=~"READ_ONLY|SAVING"}'],
  ['glassbox_refused_total{reason="READ_ONLY"}', "glassbox_refused_total has no label reason"],
  ['glassbox_up{code="READ_ONLY"}', "glassbox_up has no label code"],
  ["sum by (reason) (rate(glassbox_refused_total[5m]))", "glassbox_refused_total has no label reason"],
  ['glassbox_requests_bucket{status=~"6.."}', 'glassbox_requests_bucket{status=~"6.."}'],
])("finds what there is not: %s", (expression, stranger) => {
  expect(strangers(expression, LABELS, MORE)).toEqual([stranger]);
});
