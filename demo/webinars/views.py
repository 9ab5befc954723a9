"""Where visitors sign up for a webinar."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import FormView

from webinars.forms import SignUpForm


class SignUpView(FormView):
    """The form, for everybody; what is entered starts a journey."""

    form_class = SignUpForm
    template_name = "webinars/sign_up.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        journey = form.start()
        messages.success(self.request, f"A mail is on its way to {journey.data['email']}.")
        return super().form_valid(form)
