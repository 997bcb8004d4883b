-- Degraded: it does not count, as it is written. One whose time is over has done its work.
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    if condition.type == "Ready" then
      local message = condition.reason .. ": " .. condition.message
      return { status = condition.reason == "InvalidSpec" and "Degraded" or "Healthy", message = message }
    end
  end
end
return { status = "Progressing", message = "the operator has not looked at it yet" }
