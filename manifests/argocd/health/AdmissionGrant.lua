-- It has no state of its own: what may run is what it says.
local digests = 0
if obj.spec ~= nil and obj.spec.digests ~= nil then
  for _ in pairs(obj.spec.digests) do
    digests = digests + 1
  end
end
return { status = "Healthy", message = digests .. " digests may run" }
