"""Where visitors sign up for a webinar, and see what becomes of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import FormView

from automations.models import AutomationModel
from webinars.automations import WebinarJourney
from webinars.forms import SignUpForm


class SignUpView(FormView):
    """The form, for everybody; what is entered starts a journey, and who comes back sees it."""

    form_class = SignUpForm
    template_name = "webinars/sign_up.html"
    success_url = reverse_lazy("sign_up")

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        # Of whoever has signed up before, this is the journey that is there.
        journey = WebinarJourney(**form.cleaned_data)
        mine = self.request.session.setdefault("journeys", [])
        self.request.session["journeys"] = [*(key for key in mine if key != journey.id), journey.id]
        messages.success(self.request, f"A mail is on its way to {journey.data['email']}.")
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        mine = AutomationModel.objects.filter(pk__in=self.request.session.get("journeys", []))
        journeys = [run.instance for run in mine.order_by("-pk")]
        return super().get_context_data(journeys=journeys, **kwargs)
