-- Degraded: a key cannot be used, or what the policy rests on has ended.
local health = { status = "Progressing", message = "the operator has not looked at it yet" }
if obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true; the policy counts as before" }
end
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end
for _, condition in ipairs(status.conditions) do
  if condition.type == "Ready" then
    health.status = condition.status == "True" and "Healthy" or "Degraded"
    health.message = condition.reason .. ": " .. condition.message
  end
end
for _, condition in ipairs(status.conditions) do
  if condition.type == "TrustFresh" and condition.reason == "Expired" then
    return { status = "Degraded", message = condition.reason .. ": " .. condition.message }
  end
end
return health
